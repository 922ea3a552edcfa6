"""What the feed says of a lead that was evaluated: created, merged, traits, scores and stages, in this order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.scoring.facts import Facts, Stamped
from app.scoring.stages import Cause
from app.storage.changes import Change
from app.storage.leads import Lead
from app.storage.transitions import StoredTransition


def changes_of(
    lead: Lead,
    before: Lead | None,
    cause: Cause,
    transitions: Sequence[StoredTransition],
    merged: Iterable[UUID],
    now: datetime,
) -> Iterator[Change]:
    """The changes from `before`, None for a new lead. `merged`: the leads that were merged into it."""
    if before is None:
        first_stage = transitions[0].transition.from_stage if transitions else lead.standing.stage
        yield Change(uuid7(), "lead.created", now, lead.id, {"stage": first_stage, "scores": lead.scores})
    for retired in merged:
        yield Change(uuid7(), "lead.merged", now, lead.id, {"from": retired, "into": lead.id})
    if before is not None:
        yield from _changed_traits(lead, before, now)
        yield from _changed_scores(lead, before, cause, now)
    for stored in transitions:
        yield Change(stored.id, "lead.stage_changed", stored.transition.at, lead.id, _stage_data(stored))


def _changed_traits(lead: Lead, before: Lead, now: datetime) -> Iterator[Change]:
    names = [] if lead.facts is before.facts else sorted(_names_of_changed_traits(before.facts, lead.facts))
    if names:
        yield Change(uuid7(), "lead.traits_changed", now, lead.id, {"names": names})


def _names_of_changed_traits(before: Facts, facts: Facts) -> set[str]:
    pairs = ((before.traits, facts.traits), (before.trusted_traits, facts.trusted_traits))
    return {name for old, new in pairs for name, trait in new.items() if _value(old, name) != trait.value}


def _value(traits: Mapping[str, Stamped], name: str) -> Any:
    trait = traits.get(name)
    return None if trait is None else trait.value


def _changed_scores(lead: Lead, before: Lead, cause: Cause, now: datetime) -> Iterator[Change]:
    if lead.scores != before.scores:
        data = {"scores": lead.scores, "before": before.scores, "cause": cause, "model_version": lead.model_version}
        yield Change(uuid7(), "lead.score_changed", now, lead.id, data)


def _stage_data(stored: StoredTransition) -> dict[str, Any]:
    transition = stored.transition
    return {
        "from": transition.from_stage,
        "to": transition.to_stage,
        "cause": transition.cause,
        "model_version": transition.model_version,
        "scores": transition.scores,
        "notify": stored.notify,
    }
