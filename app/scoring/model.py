"""Loading a scoring model: from YAML 1.2 or JSON to a checked `ScoringModel`, or to every fault with its path."""

from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML

from app.scoring.consistency import inconsistencies
from app.scoring.document import (
    Band,
    Combination,
    Document,
    Example,
    Expected,
    Given,
    Group,
    Leaf,
    Rule,
    Score,
    ScoringModel,
    Signal,
    Stage,
    Trait,
)
from app.scoring.placeholders import KEY, with_placeholders
from app.scoring.text import parse_text, within_bounds
from app.validation.error_messages import error_message
from app.validation.faults import Fault, InvalidModel

MAX_FAULTS_WITH_SUGGESTIONS = 100  # suggestions take time, and a document with more faults was not just mistyped
_MARKS = frozenset({"combination", "leaf", "band", "number", KEY})  # what pydantic adds: a union's branch, or a key
_PARTS: dict[tuple[int | str, ...], type[Document]] = {  # by location, where * is a name or an index
    (): ScoringModel,
    ("traits", "*"): Trait,
    ("signals", "*"): Signal,
    ("scores", "*"): Score,
    ("scores", "*", "rules", "*"): Rule,
    ("scores", "*", "groups", "*"): Group,
    ("stages", "*"): Stage,
    ("examples", "*"): Example,
    ("examples", "*", "given", "*"): Given,
    ("examples", "*", "expect"): Expected,
}
_BRANCHES: dict[int | str, type[Document]] = {"combination": Combination, "leaf": Leaf, "band": Band}  # of unions


def load_model(source: str | dict[str, Any]) -> ScoringModel:
    """Read a model from YAML or JSON text, or from a mapping already parsed. Raises `InvalidModel`.

    The text is untrusted: its length is limited before it is parsed, and the size of its aliases before they are
    expanded.
    """
    document = parse_text(source) if isinstance(source, str) else within_bounds(source)
    try:
        model = ScoringModel.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidModel((*_faults_of(details, document), *_faults_beside(details, document))) from None
    faults = tuple(inconsistencies(model))
    if faults:
        raise InvalidModel(faults)
    return model


def dump_model(model: ScoringModel) -> dict[str, Any]:
    """The document as JSON types, without unset fields. Loading it gives the same model."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def dump_yaml(model: ScoringModel) -> str:
    """The model's document as YAML for editing. Comments and formatting are lost."""
    return as_yaml(dump_model(model))


def as_yaml(document: dict[str, Any]) -> str:
    yaml = YAML(pure=True)
    yaml.default_flow_style = None  # collections of scalars stay on one line
    yaml.width = 120
    text = StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _faults_of(details: Sequence[ErrorDetails], document: Any) -> Iterator[Fault]:
    for index, detail in enumerate(details):
        fields = _fields_at(detail["loc"][:-1]) if index < MAX_FAULTS_WITH_SUGGESTIONS else ()
        yield Fault(_path(detail["loc"], document), error_message(detail, fields))


def _faults_beside(details: Iterable[ErrorDetails], document: Any) -> Iterator[Fault]:
    """The inconsistencies between the parts of the document that these errors do not concern."""
    rest = with_placeholders(document, [detail["loc"] for detail in details])
    try:
        model = ScoringModel.model_validate(rest)
    except ValidationError:  # too little of the document is left to check
        return
    yield from inconsistencies(model)


def _fields_at(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """The fields that the part of a model at this location may have; empty if it is not the location of a part."""
    steps = tuple("*" if index % 2 else step for index, step in enumerate(place))
    part = _PARTS.get(steps) or _BRANCHES.get(place[-1])
    return tuple(field.alias or name for name, field in part.model_fields.items()) if part else ()


def _path(location: tuple[int | str, ...], document: Any) -> str:
    """The location as a path in the document, without the marks that pydantic adds."""
    path, here = "", document
    for part in location:
        if isinstance(part, int):
            if isinstance(here, list):  # otherwise it is a string, read as a list of one
                path, here = f"{path}[{part}]", here[part]
        elif isinstance(here, dict) and (part in here or part not in _MARKS):
            path, here = f"{path}.{part}".removeprefix("."), here.get(part)
    return path or "document"
