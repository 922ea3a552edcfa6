"""Facts in storage: tallies and traits as the JSON of their columns."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from app.scoring.days import Days
from app.scoring.facts import Facts, Stamped, Tally
from app.storage.sql import dumps


def tally_to_json(tally: Tally) -> dict[str, dict[str, Sequence[int]]]:
    """By fingerprint, each run's hits by its first day."""
    return {fingerprint: {_day_to_text(day): hits for day, hits in days.runs} for fingerprint, days in tally.items()}


def tally_from_json(stored: Mapping[str, Mapping[str, Any]]) -> Tally:
    """The tally, from JSON with sorted keys."""
    return {fingerprint: _days_from_json(runs) for fingerprint, runs in stored.items()}


def _days_from_json(runs: Mapping[str, Any]) -> Days:
    days = [(_day_from_text(day), hits) for day, hits in runs.items()]
    if isinstance(days[0][1], int):  # each day used to be stored by itself
        return Days.of(dict(days))
    return Days(days)


@lru_cache(maxsize=4_096)
def _day_to_text(day: int) -> str:
    return date.fromordinal(day).isoformat()


@lru_cache(maxsize=4_096)
def _day_from_text(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def are_one(traits: Mapping[str, Any], trusted: Mapping[str, Any]) -> bool:
    """Whether all traits are trusted, as for most leads with many traits: then both can share one map."""
    return len(traits) == len(trusted) and dumps(traits) == dumps(trusted)  # not by `==`: to Python, true is 1


def traits_to_json(traits: Mapping[str, Stamped]) -> dict[str, list[Any]]:
    return {key: stamped_to_json(trait) for key, trait in traits.items()}


def traits_from_json(stored: Mapping[str, Sequence[Any]]) -> dict[str, Stamped]:
    return {key: stamped_from_json(value) for key, value in stored.items()}


def stamped_to_json(stamped: Stamped) -> list[Any]:
    return [stamped.value, stamped.at.isoformat(), stamped.message_id]


def stamped_from_json(stored: Sequence[Any]) -> Stamped:
    value, at, message_id = stored
    return Stamped(value, datetime.fromisoformat(at), message_id)


def facts_to_json(facts: Facts) -> dict[str, Any]:
    return {
        "tally": tally_to_json(facts.tally),
        "traits": traits_to_json(facts.traits),
        "trusted_traits": traits_to_json(facts.trusted_traits),
        "source": stamped_to_json(facts.source) if facts.source else None,
        "group": stamped_to_json(facts.group) if facts.group else None,
        "first_seen_at": facts.first_seen_at,
        "last_seen_at": facts.last_seen_at,
        "event_count": facts.event_count,
    }


def facts_from_json(stored: Mapping[str, Any]) -> Facts:
    return Facts(
        tally=tally_from_json(stored["tally"]),
        traits=traits_from_json(stored["traits"]),
        trusted_traits=traits_from_json(stored["trusted_traits"]),
        source=stamped_from_json(stored["source"]) if stored["source"] else None,
        group=stamped_from_json(stored["group"]) if stored["group"] else None,
        first_seen_at=_moment(stored["first_seen_at"]),
        last_seen_at=_moment(stored["last_seen_at"]),
        event_count=stored["event_count"],
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
