"""The differences between two scoring models, by part (trait, signal, score, rule, stage, …) rather than by line.

What has no effect is left out: spelling variants of an event name, defaults written out, and the order of anything
but stages. The comparison is structural: equivalent conditions written differently count as different.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.scoring import parts
from app.scoring.document import Score, ScoringModel
from app.scoring.events import event_name_key
from app.scoring.matching import Match, alias, aliases, match, matches
from app.scoring.parts import Part
from app.scoring.signals import fingerprint_of

Kind = Literal["added", "removed", "changed", "renamed", "moved"]
Noun = Literal["model", "trait", "signal", "score", "group", "rule", "band", "stage", "example"]

_MAX_VALUE_LENGTH = 80  # characters of a value in a summary
_MAX_CHANGES = 4  # of one thing in a summary


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `path` is its place in the later model, or in the earlier one for something that was removed.

    What `before` and `after` hold depends on `kind`:

    - added, removed: the fields as written, and None on the other side
    - changed: the fields that differ; null for one that is not written
    - renamed: `name`
    - moved: `above`, the next lower stage of those that kept their order, or null

    `recounts` says that a signal's events must be read from the log, because no signal of the earlier model counted
    exactly the same ones. Otherwise the existing tally is reused.
    """

    kind: Kind
    noun: Noun
    path: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    summary: str
    recounts: bool = False


def compare(before: ScoringModel, after: ScoringModel) -> tuple[Difference, ...]:
    """All differences: for each noun what changed, then what is new, then what is gone. Empty if nothing differs."""
    return tuple(_differences(before, after))


def _differences(before: ScoringModel, after: ScoringModel) -> Iterator[Difference]:
    yield from _differences_of("model", match(parts.head(before), parts.head(after)))
    yield from _differences_of("trait", match(parts.traits(before), parts.traits(after)))
    signals, scores, stages = matches(before, after)
    yield from _with_recounts(before, after, _differences_of("signal", signals))
    yield from _differences_of("score", scores)
    for old, new in scores.both:
        yield from _in_score((old.name, before.scores[old.name]), (new.name, after.scores[new.name]), signals)
    yield from _differences_of("stage", stages)
    yield from _moved(stages, before, after)
    then, now = aliases(score=scores, stage=stages)
    yield from _differences_of("example", match(parts.examples(before, then), parts.examples(after, now)))


def _in_score(before: tuple[str, Score], after: tuple[str, Score], signals: Match) -> Iterator[Difference]:
    groups = match(parts.groups(*before), parts.groups(*after))
    yield from _differences_of("group", groups)
    then, now = aliases(signal=signals, group=groups)
    yield from _differences_of("rule", match(parts.rules(*before, then), parts.rules(*after, now)))
    yield from _differences_of("band", match(parts.bands(*before), parts.bands(*after)))


def _moved(stages: Match, before: ScoringModel, after: ScoringModel) -> Iterator[Difference]:
    """The smallest set of stages whose moves explain the new order."""
    then, now = ([stage.name for stage in model.stages] for model in (before, after))
    order = {alias(old, new): then.index(old.name) for old, new in stages.both}
    steady = set(_longest_ascent(order))
    pairs = [(old.name, new, alias(old, new) in steady) for old, new in stages.both]
    kept_then, kept_now = {old for old, _, kept in pairs if kept}, {new.name for _, new, kept in pairs if kept}
    for old, new, kept in pairs:
        if not kept:
            was, is_now = _above(old, then, kept_then), _above(new.name, now, kept_now)
            summary = f"{new.label} moved: above {is_now or 'no other'} now, above {was or 'no other'} before"
            yield Difference("moved", "stage", new.path, {"above": was}, {"above": is_now}, summary)


def _longest_ascent(order: Mapping[str, int]) -> list[str]:
    """The longest subsequence of names with ascending numbers.

    Of several equally long ones, the first in alphabetical order: the result does not depend on which model is earlier.
    """
    runs: list[list[str]] = []
    for index, (name, number) in enumerate(order.items()):
        below = [run for run, other in zip(runs, list(order.values())[:index], strict=True) if other < number]
        runs.append([*min(below, key=_longest_first, default=[]), name])
    return min(runs, key=_longest_first, default=[])


def _longest_first(run: list[str]) -> tuple[int, list[str]]:
    return -len(run), run


def _above(name: str, order: list[str], kept: set[str]) -> str | None:
    return next((other for other in reversed(order[: order.index(name)]) if other in kept), None)


# --- Summaries --------------------------------------------------------------------------------------------------


def _differences_of(noun: Noun, matched: Match) -> Iterator[Difference]:
    for old, new in matched.both:
        yield from _changed(noun, old, new)
    for part in matched.new:
        summary = _line(f"{part.label} is new: {_prose(part.written)}")
        yield Difference("added", noun, part.path, None, part.written, summary)
    for part in matched.gone:
        yield Difference("removed", noun, part.path, part.written, None, _line(f"{part.label} is gone"))


def _changed(noun: Noun, old: Part, new: Part) -> Iterator[Difference]:
    if old.name != new.name:
        summary = _line(f"{old.label} is called {new.name} now")
        yield Difference("renamed", noun, new.path, {"name": old.name}, {"name": new.name}, summary)
    fields = [field for field in new.texts if old.texts[field] != new.texts[field]]
    if fields:
        before, after = ({field: part.fields[field] for field in fields} for part in (old, new))
        changes = _listed([change for field in fields for change in _changes(field, before[field], after[field])])
        changes = f"counts other events now ({changes})" if noun == "signal" and fields != ["title"] else changes
        yield Difference("changed", noun, new.path, before, after, _line(f"{new.label}: {changes}"))


def _with_recounts(before: ScoringModel, after: ScoringModel, of_signals: Iterable[Difference]) -> Iterator[Difference]:
    """The differences between signals, each with whether its events must be recounted."""
    known = {fingerprint_of(signal) for signal in before.signals.values()}
    for difference in of_signals:
        if difference.kind == "removed":
            yield difference
            continue
        recounts = fingerprint_of(after.signals[difference.path.removeprefix("signals.")]) not in known
        cost = (
            "it will be recounted from the event log" if recounts else "its events are counted already, so no recount"
        )
        yield replace(difference, recounts=recounts, summary=f"{difference.summary}: {cost}")


def _listed(changes: list[str]) -> str:
    more = f", and {len(changes) - _MAX_CHANGES} more" if len(changes) > _MAX_CHANGES else ""
    return ", ".join(changes[:_MAX_CHANGES]) + more


def _changes(field: str, before: Any, after: Any) -> Iterator[str]:
    """The changes within one field, such as `when.all[1].gte 40 → 30`."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for key in after:
            yield from _changes(f"{field}.{key}", before[key], after[key])
    elif isinstance(before, list) and isinstance(after, list):
        yield from _changes_of_list(field, before, after)
    elif json.dumps(before) != json.dumps(after):
        yield f"{field} {_prose(before)} → {_prose(after)}"


def _changes_of_list(field: str, before: list[Any], after: list[Any]) -> Iterator[str]:
    if len(before) == len(after) and all(isinstance(item, dict) for item in before + after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _changes(f"{field}[{index}]", *pair)
        return
    key = event_name_key if field == "on" else json.dumps
    then, now = set(map(key, before)), set(map(key, after))
    gone = [item for item in before if key(item) not in now]
    new = [item for item in after if key(item) not in then]
    yield from (f"{field} {word} {_prose(items)}" for word, items in (("without", gone), ("with", new)) if items)
    if not gone and not new and before != after:
        yield f"{field} in another order"


def _line(text: str) -> str:
    """The text on one line: names of examples and models may contain line breaks."""
    return " ".join(text.split())


def _prose(value: Any) -> str:
    text = _line(_flow(value))
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 1]}…"


def _flow(value: Any) -> str:
    """A value in YAML's flow style, without quotes."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
