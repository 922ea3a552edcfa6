"""Trying a model on one person: the numbers are the API's, and nothing is stored."""

import re

import pytest

from app.documents.leads import EvaluationDocument
from app.screen.dry_runs import compare
from app.screen.formats import points, score
from app.services.models import starter_text
from tests.api.harness import Api
from tests.screen.harness import Browser
from tests.screen.people import BUYER, HOSTILE, send_people

TEXT = starter_text().replace("points: 4, per_day: 3", "points: 9, per_day: 3")
HALVES = re.compile(r'<td class="num muted">(.*?)</td><td class="num[^"]*">(.*?)</td>')


def cells(page: str) -> list[tuple[str, str]]:
    return HALVES.findall(page)


async def evaluations(api: Api, person: str, model: object) -> tuple[EvaluationDocument, EvaluationDocument]:
    """What the API answers about somebody by the active model and by another."""
    lead_id = (await api.told("/v1/leads/lookup", email=person))["id"]
    answers = [
        (await api.do("/v1/evaluate", {"lead_id": lead_id, "model": each}, "read")).json() for each in ("active", model)
    ]
    before, after = map(EvaluationDocument.model_validate, answers)
    return before, after


async def test_a_draft_is_tried_on_one_person(api: Api, browser: Browser) -> None:
    await send_people(api)
    version = await api.draft({"name": "other", "stages": [{"name": "interest"}], **SCORES})
    page = await browser.page(f"/ui/model/{version}/try?person={BUYER}")
    before, after = await evaluations(api, BUYER, version)
    compared = compare(before, after, dict.fromkeys(["engagement", "fit", "reading"], ""))
    assert cells(page) == [(_points(line.before), _points(line.after)) for each in compared for line in each.lines]
    for each in compared:
        assert f'<td class="num">{_score(each.before)}</td><td class="num">{_score(each.after)}</td>' in page
    assert "/score?model=" in page


SCORES = {
    "signals": {"reads": {"on": ["Article Read"]}},
    "scores": {"reading": {"rules": {"reads": {"signal": "reads", "points": 2}}}},
}


def _points(value: float | None) -> str:
    return "–" if value is None else points(value)


def _score(value: float | None) -> str:
    return "–" if value is None else score(value)


async def test_a_text_is_tried_without_being_stored(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = (await browser.post("/ui/model/try", person=BUYER, text=TEXT)).text
    part = (
        await browser.client.post(
            "/ui/model/try",
            data={"person": BUYER, "text": TEXT},
            headers={"Origin": browser.origin, "HX-Request": "true"},
        )
    ).text
    assert "<html" not in part
    assert cells(part) == cells(page) != []
    assert len((await api.told("/v1/models"))["data"]) == 1


@pytest.mark.parametrize("person", ["b1", "device-7c3f09e2"])
async def test_people_are_found_by_any_identity(api: Api, browser: Browser, person: str) -> None:
    await send_people(api)
    lead_id = (await api.told("/v1/leads/lookup", email=BUYER))["id"]
    for wanted in (person, lead_id, f" {lead_id} "):
        assert "Ada Byron" in (await browser.post("/ui/model/try", person=wanted, text=TEXT)).text


async def test_what_can_t_be_tried_says_why(browser: Browser) -> None:
    nobody = await browser.post("/ui/model/try", person="nobody@example.com", text=TEXT)
    assert nobody.status_code == 404
    assert "No lead has this" in nobody.text
    faulty = await browser.post("/ui/model/try", person="nobody", text="stages: []")
    assert faulty.status_code == 422


async def test_hostile_names_are_escaped(api: Api, browser: Browser) -> None:
    await send_people(api)
    for number in range(len(HOSTILE)):
        page = (await browser.post("/ui/model/try", person=f"h{number}@example.com", text=TEXT)).text
        assert "<script>alert" not in page
        assert "<img" not in page
