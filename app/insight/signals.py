"""Step 2, the signals that rules can count: the model's own, every event by its name, and events by one property."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain, count
from typing import Any, NamedTuple

import numpy as np

from app.insight import fields
from app.insight.arrays import Counts, Flags, Floats, Ints
from app.insight.log import PAGE_PATH, FieldColumn, Log, NamedEvents
from app.insight.snapshots import Snapshots
from app.insight.tallies import Tallies
from app.scoring.document import Leaf, Signal
from app.scoring.signals import CompiledSignal, compile_signal, fingerprint_of

QUANTILES = (0.25, 0.5, 0.75, 0.9)
COMMONEST = 10
"""Of a property with levels, this many are candidates."""
MAX_NAME = 40
MAX_CACHED = 4_000
"""Columns of hits, each of up to 60 KB: those of 200 signals. Clients decide how many signals there are."""


class CountedSignal(NamedTuple):
    """A signal that a rule may count. `fingerprint` is the engine's."""

    name: str
    fingerprint: str

    @classmethod
    def of(cls, compiled: CompiledSignal) -> "CountedSignal":
        return cls(compiled.name, compiled.fingerprint)


@dataclass(frozen=True)
class SignalCatalog:
    """Every signal that was considered, with its hits at each snapshot, which are counted when first asked for.

    `own` are the signals of the model that the proposal is for. The same definition always has the same name.
    """

    log: Log
    snapshots: Snapshots
    own: Mapping[str, Signal] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _compiled: dict[str, CompiledSignal] = field(default_factory=dict)
    _documents: dict[str, Signal] = field(default_factory=dict)
    _tallies: dict[str, Tallies] = field(default_factory=dict)

    def add(self, name: str, document: Signal) -> CountedSignal:
        """The signal under this name, or under the one that the same definition already has."""
        fingerprint = fingerprint_of(document)
        if fingerprint not in self._compiled:
            self._compiled[fingerprint] = compile_signal(unique_name(name, self._names), document)
            self._documents[fingerprint] = document
            self._names.add(self._compiled[fingerprint].name)
        return CountedSignal.of(self._compiled[fingerprint])

    def document(self, signal: CountedSignal) -> Signal:
        return self._documents[signal.fingerprint]

    def event_keys(self, signal: CountedSignal) -> frozenset[str]:
        return self._compiled[signal.fingerprint].event_keys

    def is_plain(self, signal: CountedSignal) -> bool:
        """Whether the signal counts events by their name alone."""
        return self.document(signal).where is None

    def tallies(self, signal: CountedSignal) -> Tallies:
        found = self._tallies.get(signal.fingerprint)
        if found is None:
            found = self._tallies[signal.fingerprint] = self._count(self._compiled[signal.fingerprint])
        return found

    @cached_property
    def counts(self) -> Callable[[CountedSignal, int | None, int | None], Counts]:
        """The hits of a signal at each snapshot, within so many days and of so many a day, if these are not None."""

        @lru_cache(MAX_CACHED)
        def counts(signal: CountedSignal, within_days: int | None, per_day: int | None) -> Counts:
            return self.tallies(signal).at(self.snapshots, within_days, per_day)

        return counts

    def _count(self, signal: CompiledSignal) -> Tallies:
        leaf = self._documents[signal.fingerprint].where
        groups = [self.log[key] for key in sorted(signal.event_keys) if key in self.log]
        hits = [group.counted_by(signal, leaf if isinstance(leaf, Leaf) else None) for group in groups]
        empty = np.array([], dtype=np.int64)
        leads = [group.leads[counted] for group, counted in zip(groups, hits, strict=True)]
        days = [group.days[counted] for group, counted in zip(groups, hits, strict=True)]
        return Tallies.of(np.concatenate([empty, *leads]), np.concatenate([empty, *days]))


def candidate_signals(
    catalog: SignalCatalog, last_days: Ints, excluded: Collection[str], enough: int
) -> Iterator[CountedSignal]:
    """The signals to try. `last_days` has the last training day of each lead: later events are not looked at.

    `excluded` are keys of event names. A level must be seen in at least `enough` leads.
    """
    own = (catalog.add(name, signal) for name, signal in catalog.own.items())
    yield from (signal for signal in own if catalog.event_keys(signal).isdisjoint(excluded))
    for key, group in catalog.log.items():
        if key not in excluded:
            yield catalog.add(signal_name(group.name), Signal.model_validate({"on": group.name}))
            seen = group.days <= last_days[group.leads]
            for condition in _conditions(group, seen, enough):
                name = signal_name(group.name, *_words(condition))
                yield catalog.add(name, Signal.model_validate({"on": group.name, "where": condition}))


def _conditions(group: NamedEvents, seen: Flags, enough: int) -> Iterator[dict[str, Any]]:
    for name, column in group.fields.items():
        subject, _, path = name.partition(":")
        if name == PAGE_PATH:
            yield from _page_conditions(group, column, seen, enough)
        elif fields.is_candidate_name(path):
            yield from ({subject: path, **test} for test in _tests(group, column, seen, enough))


def _tests(group: NamedEvents, column: FieldColumn, seen: Flags, enough: int) -> Iterator[dict[str, Any]]:
    codes = np.where(seen, column.codes, -1)
    if fields.is_numeric(column.values):
        yield from ({"gte": number} for number in rounded_quantiles(fields.numbers_of(column.values, codes)))
    elif not fields.looks_like_id(column.values, codes):
        yield from ({"eq": column.values[code]} for code in _common(group, column, codes, enough))


def rounded_quantiles(values: Floats) -> list[float]:
    """The thresholds above the least value, rounded to two digits."""
    if not len(values):
        return []
    found = [float(f"{value:.2g}") for value in np.quantile(values, QUANTILES)]
    return sorted({fields.plain_number(each) for each in found if each > values.min()})


def _common(group: NamedEvents, column: FieldColumn, codes: Ints, enough: int) -> list[int]:
    """The codes of the commonest levels, by the number of leads that have them."""
    present = codes >= 0
    width = int(group.leads.max(initial=0)) + 1
    pairs = np.unique(codes[present] * width + group.leads[present])
    leads = np.bincount(pairs // width, minlength=len(column.values))
    wanted = [code for code in np.flatnonzero(leads >= enough).tolist() if fields.is_level(column.values[code])]
    return sorted(wanted, key=lambda code: (-leads[code], code))[:COMMONEST]


def _page_conditions(group: NamedEvents, column: FieldColumn, seen: Flags, enough: int) -> Iterator[dict[str, Any]]:
    """The first segments of paths, such as `/pricing`."""
    owners: dict[str, set[int]] = {}
    segments = [first_segment(path) for path in column.values]
    for code, lead in zip(column.codes[seen].tolist(), group.leads[seen].tolist(), strict=True):
        if code >= 0 and segments[code]:
            owners.setdefault(segments[code], set()).add(lead)
    common = sorted(
        (each for each in owners if len(owners[each]) >= enough), key=lambda each: (-len(owners[each]), each)
    )
    yield from ({"context": "page.path", "starts_with": segment} for segment in common[:COMMONEST])


def first_segment(path: str) -> str:
    """`/pricing` of `/pricing/teams?a=b`; empty for the home page and for what is not a path."""
    segment = re.split(r"[/?#]", path, maxsplit=2)[1] if path.startswith("/") else ""
    return f"/{segment}" if segment and fields.is_level(segment) else ""


def _words(condition: Mapping[str, Any]) -> list[str]:
    subject, operator = condition.items()
    sign = {"gte": "at_least", "eq": "", "starts_with": ""}[operator[0]]
    path = "" if subject[0] == "context" else str(subject[1])
    return [path, sign, str(operator[1])]


def signal_name(*words: str) -> str:
    """A name in the language of models, such as `course_visited_minutes_at_least_30`."""
    plain = unicodedata.normalize("NFKD", " ".join(words).casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_NAME].strip("_")
    return name if name[:1].isalpha() else f"signal_{name}".strip("_")


def unique_name(name: str, taken: Collection[str]) -> str:
    """The name, or with the first free number."""
    numbered = (f"{name}_{number}" for number in count(2))
    return next(each for each in chain([name], numbered) if each not in taken)
