"""Signals, compiled: which events they count, and which of the signals of an event's name count the event."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.scoring.conditions import CompiledCondition, compile_condition
from app.scoring.document import Signal
from app.scoring.events import Event, event_name_key
from app.scoring.readings import Readings


@dataclass(frozen=True, slots=True)
class CompiledSignal:
    """A signal; `event_keys` are the keys of the event names that it counts."""

    name: str
    fingerprint: str
    event_keys: frozenset[str]
    where: CompiledCondition | None
    trusted: bool

    def counts(self, event: Event) -> bool:
        """Whether the signal counts an event, given that the event's name matches."""
        return self.accepts(event) and (self.where is None or bool(self.where.holds(event)))

    def accepts(self, event: Event) -> bool:
        """Whether the signal counts events of this sender."""
        return event.trusted or not self.trusted


@dataclass(frozen=True, slots=True)
class EventSignals:
    """The signals that count events of one name, by their conditions, and what all of these read of an event."""

    readings: Readings
    unconditional: Sequence[CompiledSignal]
    by_condition: Mapping[CompiledCondition, CompiledSignal]

    @classmethod
    def of(cls, signals: Sequence[CompiledSignal]) -> "EventSignals":
        conditions = {signal.where: signal for signal in signals if signal.where is not None}
        return cls(Readings.of(conditions), [signal for signal in signals if signal.where is None], conditions)

    def matching(self, event: Event) -> list[CompiledSignal]:
        """Those whose condition holds for the event, if they have one."""
        true = self.readings.true_conditions(event)
        return [*self.unconditional, *filter(None, map(self.by_condition.get, true))]


def compile_signal(name: str, signal: Signal) -> CompiledSignal:
    keys = frozenset(map(event_name_key, signal.on))
    where = compile_condition(signal.where) if signal.where is not None else None
    return CompiledSignal(name, fingerprint_of(signal), keys, where, signal.trusted)


def fingerprint_of(signal: Signal) -> str:
    """Equal for signals with the same event names, condition and trust, whatever the signals are called."""
    where = signal.where.model_dump(mode="json", by_alias=True, exclude_none=True) if signal.where else None
    definition = [sorted(set(map(event_name_key, signal.on))), where, signal.trusted]
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:16]
