"""Storing evaluated leads, with their transitions and their entries in the feed."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.services.changes import changes_of
from app.services.evaluation import EvaluatedLead
from app.storage import changes as change_store
from app.storage import rollouts as rollout_store
from app.storage import saving as lead_saving
from app.storage import transitions as transition_store
from app.storage.changes import Change
from app.storage.leads import Lead
from app.storage.transitions import StoredTransition


async def save(connection: AsyncConnection, results: Collection[EvaluatedLead], now: datetime) -> None:
    """Store evaluated leads, which are new or locked, with their transitions and their entries in the feed.

    Transitions caused by a model are not notified if it was published without notifications.
    """
    quiet = await _quiet_versions(connection, results)
    leads: list[Lead] = []
    stored: list[StoredTransition] = []
    changes: list[Change] = []
    for result in results:
        lead = result.lead
        own = [
            StoredTransition(uuid7(), lead.id, move, move.cause != "model" or move.model_version not in quiet)
            for move in result.transitions
        ]
        theirs = list(changes_of(result, own, now))
        leads.append(replace(lead, changed_at=now) if theirs else lead)
        stored += own
        changes += theirs
    before = {result.lead.id: result.before for result in results if result.before is not None}
    await lead_saving.save(connection, leads, before)
    await transition_store.insert(connection, stored)
    await change_store.insert(connection, changes, now)


async def _quiet_versions(connection: AsyncConnection, results: Iterable[EvaluatedLead]) -> set[int]:
    """The model versions that caused transitions and were published without notifications."""
    versions = {change.model_version for result in results for change in result.transitions if change.cause == "model"}
    rollouts = {version: await rollout_store.of_version(connection, version) for version in versions}
    return {version for version, rollout in rollouts.items() if rollout is not None and not rollout.notify}
