"""Parsing YAML 1.2 or JSON. The text is untrusted, so its size is limited before its content is constructed."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from app.validation.faults import Fault, InvalidModel, Position

# ruamel.yaml takes about a second for a text of this length, and up to three for a malicious one.
MAX_CHARACTERS = 128 * 1024
MAX_VALUES = 50_000  # scalars, lists and mappings, with aliases expanded; a string counts again per 64 characters
MAX_DEPTH = 32
MISPLACED = "does not fit the lines above: check the indentation, and put text that contains a colon in quotes"
_TOO_DEEP = f"is nested more than {MAX_DEPTH} levels deep: nest fewer lists and mappings in each other"


class _Constructor(SafeConstructor):
    """Dates, times and numbers with underscores stay text, as in YAML 1.2 and JSON. `eq: 2026_01` is not a number."""

    def construct_yaml_int(self, node: ScalarNode) -> Any:
        return node.value if "_" in node.value else super().construct_yaml_int(node)

    def construct_yaml_float(self, node: ScalarNode) -> Any:
        return node.value if "_" in node.value else super().construct_yaml_float(node)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)
_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)
_Constructor.add_constructor("tag:yaml.org,2002:float", _Constructor.construct_yaml_float)


def parse_text(text: str) -> Any:
    """The text's content as JSON types. Raises `InvalidModel`."""
    with _refusing_errors():
        graph = compose(text)
        if graph is None:
            raise _refusal("is empty: write a model, or begin with the one that `leadscore model show active` prints")
        return json.loads(json.dumps(_parser().constructor.construct_document(graph)))


def compose(text: str) -> Node | None:
    """The text's YAML graph, before aliases and merges are expanded. Raises `InvalidModel`, also if it is too large."""
    if len(text) > MAX_CHARACTERS:
        raise _refusal(f"has {len(text)} characters, more than the {MAX_CHARACTERS} allowed: make it shorter")
    with _refusing_errors():
        graph: Node | None = within_bounds(_parser().compose(text))
        return graph


def _parser() -> YAML:
    """For YAML 1.2, because 1.1 reads the field `on` as true. It includes JSON, and forbids repeated keys."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    yaml.max_depth = MAX_DEPTH
    return yaml


@contextmanager
def _refusing_errors() -> Iterator[None]:
    """Raises `InvalidModel` for whatever the parser raises."""
    try:
        yield
    except InvalidModel:
        raise
    except MaxDepthExceededError as error:
        raise _refusal(_TOO_DEEP, _place(error)) from None
    except DuplicateKeyError as error:
        raise _refusal("repeats a key of its mapping: rename one of the two", _place(error)) from None
    except YAMLError as error:
        raise _refusal(_complaint(error), _place(error)) from None
    except (TypeError, ValueError):
        raise _refusal("has a value of a type that JSON lacks: remove its tag, such as !!binary") from None


def _refusal(message: str, position: Position | None = None) -> InvalidModel:
    return InvalidModel((Fault(str(position or "document"), message, position),))


def _complaint(error: YAMLError) -> str:
    problem = str(getattr(error, "problem", None) or "is not YAML or JSON")
    return MISPLACED if "mapping values are not allowed" in problem or "expected <block end>" in problem else problem


def _place(error: YAMLError) -> Position | None:
    mark = getattr(error, "problem_mark", None)
    return position_of(mark) if mark else None


def position_of(mark: Any) -> Position:
    """The place that a mark of the parser is at."""
    return Position(mark.line + 1, mark.column + 1)


@dataclass(frozen=True, slots=True)
class _Size:
    values: int
    height: int


def within_bounds(document: Any) -> Any:
    """The document itself, a YAML graph or data. Raises `InvalidModel` if it is cyclic or, expanded, too large."""
    _size_of(document, 0, {})
    return document


def _size_of(part: Any, depth: int, known: dict[int, _Size | None]) -> _Size:
    # What an alias repeats is not walked again: `known` has its size, or None while it is being walked.
    if id(part) not in known:
        if depth >= MAX_DEPTH:
            raise _refusal(_TOO_DEEP)
        known[id(part)] = None
        known[id(part)] = _size_with_children(part, depth, known)
    size = known[id(part)]
    if size is None:
        raise _refusal("has an alias to a part that contains the alias, which never ends: write that part out")
    if depth + size.height > MAX_DEPTH:
        raise _refusal(_TOO_DEEP)
    return size


def _size_with_children(part: Any, depth: int, known: dict[int, _Size | None]) -> _Size:
    values, height = 1 + _length(part) // 64, 0
    for child in _children(part):
        size = _size_of(child, depth + 1, known)
        values, height = values + size.values, max(height, size.height)
        if values > MAX_VALUES:  # checked here because a million more may follow
            break
    if values > MAX_VALUES:
        raise _refusal(f"has more than {MAX_VALUES} values, counting what its aliases repeat: make it smaller")
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
