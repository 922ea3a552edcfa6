"""A lead's history as a chart: models that lack a score leave gaps."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.documents.leads import HistoryDay, ScoreValue
from app.screen.histories import HistoryChart, chart_of
from app.screen.labels import score_looks
from app.screen.stages import Ladder
from tests.api.harness import Api, small_model
from tests.screen.harness import Browser
from tests.screen.people import BUYER, send_people

TODAY = date(2026, 3, 4)
LOOKS = score_looks({"scores": {"engagement": {"rules": {}}, "fit": {"rules": {}}}})
STAGES: list[dict[str, Any]] = [{"name": "visitor"}]


def chart(*scores: dict[str, float], past: int) -> HistoryChart:
    """Of days with these scores, of which the last one that isn't a forecast is today."""
    days = [
        HistoryDay(
            id=UUID(int=1),
            model_version=1,
            on=TODAY + timedelta(number - past + 1),
            stage="visitor",
            forecast=number >= past,
            scores={name: ScoreValue(value=value, band=None) for name, value in each.items()},
        )
        for number, each in enumerate(scores)
    ]
    return chart_of(days, [], LOOKS, Ladder.of(STAGES), [], TODAY)


SCORES = st.dictionaries(st.sampled_from(["engagement", "fit", "dropped"]), st.integers(0, 100))


@given(st.lists(SCORES, min_size=1, max_size=8), st.lists(SCORES, max_size=3))
def test_every_value_of_a_present_score_is_on_its_line(past: list[dict[str, float]], coming: list[Any]) -> None:
    drawn = {line.look.name: line for line in chart(*past, *coming, past=len(past)).lines}
    assert set(drawn) == {name for each in (*past, *coming) for name in each} & set(LOOKS)
    for name, line in drawn.items():
        assert line.past.count(",") == sum(name in each for each in past)


def test_a_line_has_a_gap_where_the_model_lacked_the_score() -> None:
    [line] = chart({"fit": 1}, {}, {"fit": 2}, {"fit": 3}, past=4).lines
    assert [part.count(",") for part in line.past.split("M")] == [0, 1, 2]
    assert (line.first, line.latest) == (1, 3)


async def test_a_score_that_was_dropped_and_brought_back_has_a_history(api: Api, browser: Browser) -> None:
    await send_people(api)
    for version in (await api.draft(small_model()), 1):
        await api.publish(version)
        api.clock.now += timedelta(days=2)
    await browser.sign_in("read")
    page = await browser.page(f"/ui/leads/{(await api.lead(email=BUYER))['id']}/history")
    assert '<td class="right num">–</td>' in page
    assert "Fit goes from" in page
