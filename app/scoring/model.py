"""Loading a scoring model: YAML 1.2 or JSON in, a checked `ScoringModel` or every fault with its path out."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import chain
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, ScalarNode

from app.scoring.consistency import inconsistencies
from app.scoring.document import (
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
)
from app.scoring.faults import Fault, InvalidModel
from app.scoring.sentences import sentence_of
from app.scoring.standins import KEY, with_stand_ins

# ruamel.yaml takes about a second for a text of this length, and up to three if it is made to be slow.
MAX_CHARACTERS = 128 * 1024
MAX_VALUES = 50_000  # scalars, lists and mappings, aliases written out; a text counts once more per 64 characters
MAX_DEPTH = 32
MOST_HELPED = 100  # faults that tell which fields there are: where there are more, they are no slips of the hand
_TOO_DEEP = f"is nested more than {MAX_DEPTH} deep: use fewer lists and mappings within each other"
_MARKS = frozenset({"combination", "leaf", KEY})  # pydantic's, of a union's branch and of a key
_PARTS: dict[tuple[int | str, ...], type[Document]] = {  # by their places, where * is a name or an index
    (): ScoringModel,
    ("signals", "*"): Signal,
    ("scores", "*"): Score,
    ("scores", "*", "rules", "*"): Rule,
    ("scores", "*", "groups", "*"): Group,
    ("stages", "*"): Stage,
    ("examples", "*"): Example,
    ("examples", "*", "given", "*"): Given,
    ("examples", "*", "expect"): Expected,
}
_CONDITIONS: dict[int | str, type[Document]] = {"combination": Combination, "leaf": Leaf}  # wherever they stand


def load_model(source: str | dict[str, Any]) -> ScoringModel:
    """Read a model from YAML or JSON text, or from a mapping already parsed. Raises `InvalidModel`.

    Text may come from anybody: it is bounded before it is read, and what it repeats by aliases before it is repeated.
    """
    document = _parse(source) if isinstance(source, str) else _sized(source)
    try:
        model = ScoringModel.model_validate(document)
    except ValidationError as error:
        raise InvalidModel((*_faults_of(error, document), *_faults_beside(error, document))) from None
    faults = tuple(inconsistencies(model))
    if faults:
        raise InvalidModel(faults)
    return model


def dump_model(model: ScoringModel) -> dict[str, Any]:
    """The document as JSON types, as short as it was written: loading it again gives the same model."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def dump_yaml(model: ScoringModel) -> str:
    """The document as YAML, to be edited. Comments and the like are not kept: they belong to whoever keeps the file."""
    yaml = YAML(pure=True)
    yaml.default_flow_style = None  # small leaves stay on their line
    yaml.width = 120
    text = StringIO()
    yaml.dump(dump_model(model), text)
    return text.getvalue()


def _parse(text: str) -> Any:
    # YAML 1.2, for 1.1 reads the field `on` as true; JSON is a part of it, and keys may not be repeated.
    if len(text) > MAX_CHARACTERS:
        raise _refusal(f"has {len(text)} characters, and {MAX_CHARACTERS} are allowed: make it shorter")
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    try:
        graph = _sized(yaml.compose(text))  # before anything is made of it: aliases and merges make much of little
        return json.loads(json.dumps(yaml.constructor.construct_document(graph))) if graph else None
    except InvalidModel:
        raise
    except MaxDepthExceededError as error:
        raise _refusal(_TOO_DEEP, _place(error)) from None
    except YAMLError as error:
        raise _refusal(str(getattr(error, "problem", None) or "is not YAML or JSON"), _place(error)) from None
    except (TypeError, ValueError):
        raise _refusal("holds a value that JSON does not have; put dates and the like in quotes") from None


def _refusal(message: str, path: str = "document") -> InvalidModel:
    return InvalidModel((Fault(path, message),))


def _place(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "document"


@dataclass(frozen=True, slots=True)
class _Size:
    values: int
    height: int


def _sized(document: Any) -> Any:
    """A document, as YAML's graph or as data. With its aliases written out, it must end, and not be too large."""
    _size_of(document, 0, {})
    return document


def _size_of(part: Any, depth: int, known: dict[int, _Size | None]) -> _Size:
    # What an alias repeats is not walked again: `known` has its size, and None for what is being walked.
    if id(part) not in known:
        if depth >= MAX_DEPTH:
            raise _refusal(_TOO_DEEP)
        known[id(part)] = None
        known[id(part)] = _size_with_children(part, depth, known)
    size = known[id(part)]
    if size is None:
        raise _refusal("holds an alias of a part that the alias stands in, which would never end: write that part out")
    if depth + size.height > MAX_DEPTH:
        raise _refusal(_TOO_DEEP)
    return size


def _size_with_children(part: Any, depth: int, known: dict[int, _Size | None]) -> _Size:
    values, height = 1 + _length(part) // 64, 0
    for child in _children(part):
        size = _size_of(child, depth + 1, known)
        values, height = values + size.values, max(height, size.height)
        if values > MAX_VALUES:  # at once, for there may be a million more
            break
    if values > MAX_VALUES:
        raise _refusal(f"holds more than {MAX_VALUES} values, with what its aliases repeat: make it smaller")
    return _Size(values, height + 1)


def _children(part: Any) -> Iterable[Any]:
    if isinstance(part, MappingNode):
        return chain.from_iterable(part.value)
    if isinstance(part, dict):
        return chain.from_iterable(part.items())
    return part.value if isinstance(part, CollectionNode) else part if isinstance(part, list) else ()


def _length(part: Any) -> int:
    text = part.value if isinstance(part, ScalarNode) else part
    return len(text) if isinstance(text, str) else 0


def _faults_of(error: ValidationError, document: Any) -> Iterator[Fault]:
    for index, detail in enumerate(error.errors(include_url=False, include_input=False)):
        fields = _fields_at(detail["loc"][:-1]) if index < MOST_HELPED else ()
        yield Fault(_path(detail["loc"], document), sentence_of(detail, fields))


def _faults_beside(error: ValidationError, document: Any) -> Iterator[Fault]:
    """What does not fit together in the parts of the document that this error does not tell of."""
    rest = with_stand_ins(document, [detail["loc"] for detail in error.errors(include_url=False, include_input=False)])
    try:
        model = ScoringModel.model_validate(rest)
    except ValidationError:  # there is not enough left to judge by
        return
    yield from inconsistencies(model)


def _fields_at(place: tuple[int | str, ...]) -> tuple[str, ...]:
    """The fields that the part of a model at this place may have; none where no part begins."""
    steps = tuple("*" if index % 2 else step for index, step in enumerate(place))
    part = _PARTS.get(steps) or _CONDITIONS.get(place[-1])
    return tuple(field.alias or name for name, field in part.model_fields.items()) if part else ()


def _path(location: tuple[int | str, ...], document: Any) -> str:
    """Where in the document, without the marks that pydantic adds; so it follows the document along."""
    path, here = "", document
    for part in location:
        if isinstance(part, int):
            if isinstance(here, list):  # else a text that stands for a list of one
                path, here = f"{path}[{part}]", here[part]
        elif isinstance(here, dict) and (part in here or part not in _MARKS):
            path, here = f"{path}.{part}".removeprefix("."), here.get(part)
    return path or "document"
