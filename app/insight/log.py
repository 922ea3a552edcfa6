"""The events of all leads, grouped by name, with their fields as columns.

A condition on one field is evaluated once for each distinct value, by the engine's own code, so that a proposed signal
counts here exactly what it will count in the engine.
"""

import json
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from app.insight.arrays import Flags, Ints
from app.insight.histories import History
from app.insight.snapshots import NEVER
from app.scoring.conditions import lookup
from app.scoring.document import Leaf
from app.scoring.events import Event, event_name_key
from app.scoring.facts import day_of
from app.scoring.signals import CompiledSignal

PAGE_PATH = "context:page.path"


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """One field over `size` rows: those that have it, ascending, and for each of them an index into `values`.

    `examples` has, for each value, the index of a row that has it.
    """

    size: int
    rows: Ints
    indices: Ints
    values: Sequence[Any]
    examples: Sequence[int]

    @property
    def codes(self) -> Ints:
        """For each row an index into `values`, -1 where the field is absent.

        It isn't kept: clients choose the names of fields, and each of many rare ones would take as much as a common
        one.
        """
        codes = np.full(self.size, -1, dtype=np.int64)
        codes[self.rows] = self.indices
        return codes


@dataclass(frozen=True)
class NamedEvents:
    """All events with one name, in arrays sorted by lead and day."""

    name: str
    leads: Ints
    days: Ints
    events: Sequence[Event]

    @cached_property
    def fields(self) -> Mapping[str, FieldColumn]:
        """The columns of `property:<path>` and `PAGE_PATH`."""
        return columns([dict(_fields(event)) for event in self.events])

    def first_days(self, leads: int) -> Ints:
        """The day of each lead's first event with this name, or `NEVER`."""
        first = np.full(leads, NEVER)
        np.minimum.at(first, self.leads, self.days)
        return first

    def counted_by(self, signal: CompiledSignal, leaf: Leaf | None) -> Flags:
        """Which events the signal counts. `leaf` is its condition if that is a single one.

        On absent fields only `exists` can hold, so for the others the values that occur are enough.
        """
        is_by_value = leaf is not None and not signal.trusted and "exists" not in leaf.operators
        column = self.fields.get(f"{leaf.subject}:{leaf.target}") if leaf is not None and is_by_value else None
        if column is None:
            return np.array([signal.counts(event) for event in self.events], dtype=np.bool_)
        holds = [signal.counts(self.events[example]) for example in column.examples]
        return np.array([*holds, False])[column.codes]  # the code -1 takes the last


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, FieldColumn]:
    """Rows of fields as columns; equal values share a code.

    A field inside another one that is a list in some rows is left out: conditions look into lists, this doesn't.
    """
    found = defaultdict[str, _Column](_Column)
    for row, fields in enumerate(rows):
        for name, value in fields.items():
            found[name].add(row, value)
    lists = {name for name, column in found.items() if any(isinstance(value, list) for value in column.values)}
    return {name: column.finished(len(rows)) for name, column in found.items() if name.rpartition(".")[0] not in lists}


@dataclass(slots=True)
class _Column:
    """A column while it is read."""

    rows: "array[int]" = field(default_factory=lambda: array("q"))
    indices: "array[int]" = field(default_factory=lambda: array("q"))
    index_of: dict[str, int] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)
    examples: list[int] = field(default_factory=list)

    def add(self, row: int, value: Any) -> None:
        index = self.index_of.setdefault(_key(value), len(self.values))
        if index == len(self.values):
            self.values.append(value)
            self.examples.append(row)
        self.rows.append(row)
        self.indices.append(index)

    def finished(self, size: int) -> FieldColumn:
        rows, indices = (np.array(each, dtype=np.int64) for each in (self.rows, self.indices))
        return FieldColumn(size, rows, indices, self.values, self.examples)


def _key(value: Any) -> str:
    return value if isinstance(value, str) else f"\0{json.dumps(value, sort_keys=True)}"


def _fields(event: Event) -> Iterator[tuple[str, Any]]:
    for path, value in flattened(event.properties):
        yield f"property:{path}", value
    path = lookup(event.context, "page.path")
    if isinstance(path, str):
        yield PAGE_PATH, path


def flattened(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields by dotted path, down to the second level. A field of exactly that name comes last: it has priority."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", each) for inner, each in value.items() if is_value(each))
    yield from ((name, value) for name, value in fields.items() if is_value(value))


def is_value(field: Any) -> bool:
    return field is not None and not isinstance(field, dict)


Log = Mapping[str, NamedEvents]
"""By the key of the event's name."""


def read_log(histories: Sequence[History]) -> dict[str, NamedEvents]:
    groups: dict[str, list[tuple[int, int, Event]]] = {}
    for lead, history in enumerate(histories):
        for event in sorted(history.events, key=lambda event: (event.occurred_at, event.message_id)):
            groups.setdefault(event_name_key(event.name), []).append((lead, day_of(event.occurred_at), event))
    return {key: _named(rows) for key, rows in sorted(groups.items())}


def _named(rows: Sequence[tuple[int, int, Event]]) -> NamedEvents:
    leads, days, events = zip(*rows, strict=True)
    # Of several ways to write the name, the first in alphabetical order, whatever the order of the leads.
    return NamedEvents(min({event.name for event in events}), np.array(leads), np.array(days), events)
