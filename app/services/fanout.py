"""Fan-out: the changes in the feed that a webhook wants become its deliveries, each exactly once.

A webhook has a position in the feed. The deliveries of later changes are inserted in the transaction that moves it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.scoring.engine import CompiledModel
from app.services.models import ActiveModels
from app.services.webhooks import filter_of
from app.storage import changes as change_store
from app.storage import deliveries as delivery_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import webhooks as webhook_store
from app.storage.changes import Change, Extent
from app.storage.deliveries import Delivery
from app.storage.webhooks import Webhook
from app.webhooks.filters import ChangeFilter, Ladder, wants

MAX_NEW = 500
"""The most deliveries that one transaction makes."""

Identities = Mapping[str, Sequence[str]]

Render = Callable[[int | None, Change, Identities | None], str]
"""The body of a delivery, from the change's position, the change, and the lead's identities; None in thin ones."""

NO_LADDER = Ladder({}, {})

log = structlog.get_logger()


async def fan_out(
    connection: AsyncConnection, models: ActiveModels, webhook: Webhook, render: Render, now: datetime
) -> bool:
    """Make deliveries of the next changes that a locked webhook wants. Returns whether there may be more."""
    extent = await change_store.extent(connection)
    start = _start(webhook, extent)
    wanted, position = await _next_wanted(connection, models, filter_of(webhook.filter), start)
    leads = {change.lead_id for _, change in wanted if change.lead_id is not None}
    identities = {} if webhook.thin else await _identities(connection, leads)
    bodies = [render(at, change, identities.get(change.lead_id) if change.lead_id else None) for at, change in wanted]
    new = [new_delivery(webhook.id, change, body, now) for (_, change), body in zip(wanted, bodies, strict=True)]
    await delivery_store.insert(connection, new)
    await webhook_store.change(connection, webhook, position=position)
    return position < extent.last


def new_delivery(webhook_id: UUID, change: Change, body: str, due: datetime) -> Delivery:
    return Delivery(
        id=uuid7(),
        webhook_id=webhook_id,
        change_id=change.id,
        type=change.type,
        lead_id=change.lead_id,
        body=body,
        state="pending",
        attempts=0,
        created_at=due,
        next_attempt_at=due,
    )


def _start(webhook: Webhook, extent: Extent) -> int:
    """The webhook's position, moved to where the feed is: changes may have been deleted, or restored from a backup."""
    start = min(max(webhook.position, extent.pruned_to), extent.last)
    if start != webhook.position:
        log.warning("webhook missed changes", webhook=str(webhook.id), position=webhook.position, continues_at=start)
    return start


async def _next_wanted(
    connection: AsyncConnection, models: ActiveModels, wanted: ChangeFilter, start: int
) -> tuple[list[tuple[int, Change]], int]:
    """The next wanted changes with their positions, and the position up to which the feed has been searched."""
    found: list[tuple[int, Change]] = []
    ladders: dict[int | None, Ladder] = {None: NO_LADDER}
    position = start
    for position, change in await change_store.after(connection, start):
        version = _version_needed(wanted, change)
        if version is not None and version not in ladders:
            ladders[version] = _ladder_of(await models.version(connection, version))
        if wants(wanted, change.type, change.data, ladders[version]):
            found.append((position, change))
        if len(found) == MAX_NEW:
            break
    return found, position


def _version_needed(wanted: ChangeFilter, change: Change) -> int | None:
    """The version by which the lead was evaluated, if the filter looks at its ladder."""
    needs_model = wanted.direction is not None or (wanted.score is not None and wanted.score.band is not None)
    return change.data.get("model_version") if needs_model else None


def _ladder_of(model: CompiledModel) -> Ladder:
    return Ladder(
        stages={stage.name: rank for rank, stage in enumerate(model.stages)},
        bands={name: {band: threshold for threshold, band in score.bands} for name, score in model.scores.items()},
    )


async def _identities(connection: AsyncConnection, lead_ids: Collection[UUID]) -> dict[UUID, Identities]:
    """The present identities of leads. A lead that has been merged has those of its survivor."""
    survivors = await lead_store.survivors(connection, lead_ids)
    found = await identity_store.of_leads(connection, set(survivors.values()))
    return {lead_id: found[survivor] for lead_id, survivor in survivors.items()}


__all__ = ["Change", "Identities", "Render", "fan_out", "new_delivery"]
