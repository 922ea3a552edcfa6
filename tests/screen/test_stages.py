"""How stages look: the colours follow the ladder, whatever the model's stages are called."""

from typing import Any

import pytest

from app.scoring.document import Stage
from app.screen.stages import Ladder, StageLook
from tests.api.harness import starter_model


def colours(stages: list[dict[str, Any]]) -> list[str]:
    return [look.colour for look in Ladder.of(stages).values()]


def test_the_starter_s_stages_have_the_design_s_colours() -> None:
    stages: list[Stage] = starter_model().stages
    assert colours([stage.model_dump() for stage in stages]) == ["st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7"]


def test_stages_beyond_the_palette_share_its_last_colour() -> None:
    assert colours([{"name": str(number)} for number in range(6)]) == ["st0", "st1", "st2", "st3", "st3", "st3"]


def test_a_lost_stage_that_is_for_sales_is_lost() -> None:
    assert colours([{"name": "x", "outcome": "lost", "sales_ready": True}]) == ["st7"]


def test_a_stage_of_an_older_model_looks_plain() -> None:
    ladder = Ladder.of([{"name": "mql"}])
    assert ladder["old"] == StageLook("old", "old", "st0", is_ready=False)
    assert not ladder.is_below("old", "mql")


@pytest.mark.parametrize(
    ("name", "title", "short"),
    [
        ("mql", "Marketing-qualified", "MQL"),
        ("customer", "Customer for ever", "Customer for ever"),
        ("mql", "Warm", "Warm"),
    ],
)
def test_initials_stand_for_a_long_title(name: str, title: str, short: str) -> None:
    assert StageLook(name, title, "st0", is_ready=False).short == short
