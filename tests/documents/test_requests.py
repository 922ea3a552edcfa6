"""Requests in JSON: every field takes values of its own type alone, wherever it is in whichever request."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from app import api, documents
from app.documents.parameters import Day, Moment

ANSWERS = "app.documents.reasons"
"""These refuse unknown fields too."""

for package in (api, documents):
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def requests(model: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    """The models that refuse unknown fields: those that clients write."""
    for each in model.__subclasses__():
        is_ours = each.__module__.startswith(("app.api", "app.documents")) and each.__module__ != ANSWERS
        if is_ours and each.model_config.get("extra") == "forbid":
            yield each
        yield from requests(each)


FIELDS = [
    pytest.param(model.model_fields[name], kinds, id=f"{model.__name__}.{name}")
    for model in {each.__name__: each for each in requests()}.values()
    for name, schema in model.model_json_schema().get("properties", {}).items()
    if (kinds := {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))})
    & {"boolean", "integer", "number"}
]
WRONG = {"boolean": (0, 1, "true", "yes"), "integer": (True, "1", 1.5), "number": (False, "1")}


def accepts(kind: Any, value: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def test_there_are_requests_to_check() -> None:
    assert len(FIELDS) > 10


@pytest.mark.parametrize(("field", "kinds"), FIELDS)
def test_a_flag_or_number_takes_no_other_type(field: Any, kinds: set[str]) -> None:
    annotation = field.rebuild_annotation()
    wrong = {value for kind in kinds & WRONG.keys() for value in WRONG[kind]}
    if "string" in kinds:
        wrong = {value for value in wrong if not isinstance(value, str)}
    assert [value for value in wrong if accepts(annotation, value)] == []


@pytest.mark.parametrize("text", ["0", "0.5", "2026", "1700000000", "20260131", "2026-W05-6", 0, 1.5, True])
def test_a_number_is_not_a_time(text: Any) -> None:
    """Pydantic would take it for seconds since 1970."""
    assert not accepts(Moment, text)
    assert not accepts(Day, text)


def test_times_and_days_are_read_as_they_are_written() -> None:
    assert accepts(Moment, "2026-01-31T12:00:00Z")
    assert accepts(Moment, "2026-01-31 12:00:00.25+02:00")
    assert not accepts(Moment, "2026-01-31T12:00:00")
    assert accepts(Day, "2026-01-31")
    assert not accepts(Day, "2026-01-31T12:00:00Z")
