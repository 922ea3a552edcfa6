"""From YAML 1.2 or JSON to data. The text may come from anybody: it is bounded before anything is made of it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, ScalarNode

from app.validation.faults import Fault, InvalidModel

# ruamel.yaml takes about a second for a text of this length, and up to three if it is made to be slow.
MAX_CHARACTERS = 128 * 1024
MAX_VALUES = 50_000  # scalars, lists and mappings, aliases written out; a text counts once more per 64 characters
MAX_DEPTH = 32
MISPLACED = "does not fit the lines above: is one of them indented wrongly, or a text that has a colon not in quotes?"
_TOO_DEEP = f"is nested more than {MAX_DEPTH} deep: use fewer lists and mappings within each other"


def parse_text(text: str) -> Any:
    """What a text holds, as JSON types. Raises `InvalidModel`."""
    # YAML 1.2, for 1.1 reads the field `on` as true; JSON is a part of it, and keys may not be repeated.
    if len(text) > MAX_CHARACTERS:
        raise _refusal(f"has {len(text)} characters, and {MAX_CHARACTERS} are allowed: make it shorter")
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = MAX_DEPTH
    try:
        graph = within_bounds(yaml.compose(text))  # aliases and merges make much of little
        return json.loads(json.dumps(yaml.constructor.construct_document(graph))) if graph else None
    except InvalidModel:
        raise
    except MaxDepthExceededError as error:
        raise _refusal(_TOO_DEEP, _place(error)) from None
    except DuplicateKeyError as error:
        raise _refusal("names a key that its mapping has already: rename one of the two", _place(error)) from None
    except YAMLError as error:
        raise _refusal(_complaint(error), _place(error)) from None
    except (TypeError, ValueError):
        raise _refusal("holds a value that JSON does not have; put dates and the like in quotes") from None


def _refusal(message: str, path: str = "document") -> InvalidModel:
    return InvalidModel((Fault(path, message),))


def _complaint(error: YAMLError) -> str:
    problem = str(getattr(error, "problem", None) or "is not YAML or JSON")
    return MISPLACED if "mapping values are not allowed" in problem or "expected <block end>" in problem else problem


def _place(error: YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "document"


@dataclass(frozen=True, slots=True)
class _Size:
    values: int
    height: int


def within_bounds(document: Any) -> Any:
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
