"""The golden cases in `cases/*.json`: worked out by hand from DESIGN.md, in plain JSON for any implementation.

A file has a `model` and its cases. A case may patch the model (a JSON merge patch, RFC 7396) and lists the given
events, with fields for everything but the defaults (`event`: Form Submitted, `at`: the evaluated moment, `trusted`:
true, `times`: 1, `id`: its index in the list). `before` is the stage until then. Only what `expect` mentions is
compared.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.scoring.engine import Evaluation, Line, evaluate, ledger
from app.scoring.stages import forecast, stage_of
from tests.scoring.strategies import compiled, facts_from

Json = dict[str, Any]


def cases() -> Iterator[Any]:
    for file in sorted((Path(__file__).parent / "cases").glob("*.json")):
        suite = json.loads(file.read_text())
        for case in suite["cases"]:
            model = patched(suite["model"], case.get("model", {}))
            yield pytest.param({"at": suite.get("at"), **case, "model": model}, id=f"{file.stem}: {case['name']}")


def patched(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = {**target} if isinstance(target, dict) else {}
    for key, value in patch.items():
        merged[key] = patched(merged.get(key), value)
    return {key: value for key, value in merged.items() if value is not None or key not in patch}


def raw_events(case: Json) -> list[Json]:
    return [
        {
            "name": given.get("event", "Form Submitted"),
            "properties": given.get("properties", {}),
            "context": given.get("context", {}),
            "traits": given.get("traits", {}),
            "occurred_at": datetime.fromisoformat(given.get("at", case["at"])),
            "message_id": given.get("id", f"{place:03}-{time:03}"),
            "trusted": given.get("trusted", True),
        }
        for place, given in enumerate(case["given"])
        for time in range(given.get("times", 1))
    ]


def outcome(evaluation: Evaluation, before: str | None) -> Json:
    stage = stage_of(evaluation, before)
    change = forecast(evaluation, stage)
    scores = evaluation.model.scores
    return {
        "scores": evaluation.values,
        "bands": {name: scores[name].band(value) for name, value in evaluation.values.items()},
        "stage": stage,
        "sales_ready": next(rung.sales_ready for rung in evaluation.model.stages if rung.name == stage),
        "traits": evaluation.traits,
        "ledger": {name: [untitled(line) for line in ledger(evaluation, name)] for name in scores},
        "next_change": change and in_json(asdict(change)),
    }


def untitled(line: Line) -> Json:
    """A line as the cases have it, which were written before lines had titles."""
    return {name: value for name, value in in_json(asdict(line)).items() if name != "title"}


def in_json(fields: Json) -> Json:
    return json.loads(json.dumps(fields, default=str))  # type: ignore[no-any-return]


@pytest.mark.parametrize("case", list(cases()))
def test_the_engine_matches_the_golden_cases(case: Json) -> None:
    model = compiled(case["model"])
    evaluation = evaluate(model, facts_from(model, raw_events(case)), datetime.fromisoformat(case["at"]))
    answer = outcome(evaluation, case.get("before"))
    assert {asked: answer[asked] for asked in case["expect"]} == case["expect"]
