"""Replacing the malformed parts of a document, so that the faults in the rest of it can be reported too.

A malformed part is replaced by a valid placeholder that has no effect. Its name stays, because other parts refer to it.
"""

from collections.abc import Iterable
from contextlib import suppress
from copy import deepcopy
from typing import Any

Location = tuple[int | str, ...]
"""The keys and indices that lead to a fault, as pydantic reports them."""

NAMING = frozenset({"signals", "scores", "stages", "groups"})
KEY = "[key]"  # how pydantic marks a fault in the key itself


def with_placeholders(document: Any, faulty: Iterable[Location]) -> Any:
    """A copy of the document in which each faulty part is replaced, or left out if it is optional.

    A collection of names that other parts refer to (all signals, say) is left alone if it is faulty as a whole.
    """
    rest = deepcopy(document)
    # Keys come last: a placeholder would bring them back.
    for location in sorted(faulty, key=lambda each: each[-1:] == (KEY,)):
        with suppress(KeyError):  # the part with the fault was replaced already
            _replace(rest, location)
    return rest


def _replace(document: Any, location: Location) -> None:
    match location:
        case (*place, key, last) if last == KEY:
            _part(document, place).pop(key, None)
        case ("name", *_):
            document["name"] = "a name"
        case ("signals", str(name), *_):
            document["signals"][name] = {"on": "an event"}
        case ("scores", str(score), *within):
            _replace_in_score(document["scores"], score, within)
        case ("stages", int(index), *within):
            _replace_in_stage(document["stages"], index, within)
        case ("examples", int(index), *_):
            document["examples"][index] = {"name": "an example", "given": [], "expect": {}}
        case (str(field), *_) if field not in NAMING:
            document.pop(field)


def _replace_in_score(scores: dict[str, Any], name: str, within: list[int | str]) -> None:
    match within:
        case ["rules", str(rule), *_]:
            scores[name]["rules"][rule] = _rule()
        case ["groups", str(group), *_]:
            scores[name]["groups"][group] = {"max": 0}
        case ["rules"] | []:
            scores[name] = {"rules": {"a_rule": _rule()}}
        case [str(field), *_] if field not in NAMING:
            scores[name].pop(field)


def _replace_in_stage(stages: list[Any], index: int, within: list[int | str]) -> None:
    match within:
        case ["when" | "keep" as field, *_]:
            stages[index][field] = _condition()
        case ["name", *_]:
            stages[index]["name"] = f"stage_{index}"
        case [str(field), *_]:
            stages[index].pop(field)
        case _:
            stages[index] = {"name": f"stage_{index}"} | ({"when": _condition()} if index else {})


def _rule() -> dict[str, Any]:
    return {"inactive_for_days": 1, "points": 0}


def _condition() -> dict[str, Any]:
    return {"trait": "a_trait", "exists": True}


def _part(document: Any, place: Iterable[int | str]) -> Any:
    for key in place:
        document = document[key]
    return document
