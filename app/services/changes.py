"""What the feed says of an evaluated lead, in this order: created, split, merged, traits, account, scores, stages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from app.scoring.accounts import AccountKey
from app.scoring.engine import Evaluation, ledger
from app.scoring.facts import Facts, Stamped
from app.services.evaluation import EvaluatedLead
from app.storage.changes import Change
from app.storage.transitions import StoredTransition

MAX_REASONS = 10
"""The most ledger lines that a change of stage gives as reasons."""

MAX_MESSAGES = 10
"""The most messages that a change of stage names as its cause."""


def changes_of(result: EvaluatedLead, transitions: Sequence[StoredTransition], now: datetime) -> Iterator[Change]:
    """The changes of one lead, and of those that were merged into it. `transitions` are its own, as stored."""
    lead, before = result.lead, result.before
    if before is None:
        first_stage = transitions[0].transition.from_stage if transitions else lead.standing.stage
        yield Change(uuid7(), "lead.created", now, lead.id, {"stage": first_stage})
    if result.origin is not None:
        data = {"from": result.origin.lead_id, "into": lead.id, "former_ids": list(result.origin.former_ids)}
        yield Change(uuid7(), "lead.split", now, lead.id, data)
    for retired in result.merged:
        yield Change(uuid7(), "lead.merged", now, lead.id, {"from": retired.id, "into": lead.id})
        yield from changed_account(retired.id, retired.account, None, now)
    if before is not None:
        yield from _changed_traits(lead.id, before.facts, lead.facts, now)
    yield from changed_account(lead.id, before.account if before else None, lead.account, now)
    yield from _changed_scores(result, now)
    for stored, decision in zip(transitions, result.decisions, strict=True):
        yield Change(stored.id, "lead.stage_changed", now, lead.id, _stage_data(stored, decision.evaluation, result))


def changed_account(
    lead_id: UUID, before: AccountKey | None, account: AccountKey | None, now: datetime
) -> Iterator[Change]:
    """A lead's move from one account to another; None for no account. Accounts are counted by these changes."""
    if before != account:
        ends = {"from": before.id if before else None, "to": account.id if account else None}
        yield Change(uuid7(), "lead.account_changed", now, lead_id, ends)


def _changed_traits(lead_id: UUID, before: Facts, facts: Facts, now: datetime) -> Iterator[Change]:
    names = [] if facts is before else sorted(_names_of_changed_traits(before, facts))
    if names:
        yield Change(uuid7(), "lead.traits_changed", now, lead_id, {"names": names})


def _names_of_changed_traits(before: Facts, facts: Facts) -> set[str]:
    pairs = ((before.traits, facts.traits), (before.trusted_traits, facts.trusted_traits))
    return {name for old, new in pairs for name in {*old, *new} if _value(old, name) != _value(new, name)}


def _value(traits: Mapping[str, Stamped], name: str) -> Any:
    trait = traits.get(name)
    return None if trait is None else trait.value


def _changed_scores(result: EvaluatedLead, now: datetime) -> Iterator[Change]:
    """A new lead's scores change from none, unless they are all zero."""
    lead, before = result.lead, result.before.scores if result.before else {}
    if lead.scores != before and (before or any(lead.scores.values())):
        data = {"scores": lead.scores, "before": before, "cause": result.cause, "model_version": lead.model_version}
        yield Change(uuid7(), "lead.score_changed", now, lead.id, data)


def _stage_data(stored: StoredTransition, evaluation: Evaluation, result: EvaluatedLead) -> dict[str, Any]:
    transition = stored.transition
    return {
        "from": transition.from_stage,
        "to": transition.to_stage,
        "cause": transition.cause,
        "message_ids": [] if transition.cause == "model" else list(result.message_ids[-MAX_MESSAGES:]),
        "model_version": transition.model_version,
        "scores": transition.scores,
        "reasons": reasons(evaluation),
        "notify": stored.notify,
    }


def reasons(evaluation: Evaluation) -> list[dict[str, Any]]:
    """The largest lines of all ledgers, each with the name of its score."""
    lines = [(score, line) for score in evaluation.values for line in ledger(evaluation, score)]
    largest = sorted(lines, key=lambda pair: -abs(pair[1].points))[:MAX_REASONS]
    return [{"score": score, **asdict(line)} for score, line in largest]
