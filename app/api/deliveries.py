"""Deliveries of webhooks over HTTP: what was sent, how it went, and sending it again."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.api.access import Admin, CurrentRuntime
from app.api.cursors import read_cursor, write_cursor
from app.api.parameters import Cursor, Limit
from app.api.routes import strict_router
from app.documents.deliveries import DeliveryDocument, DeliveryPage, ReplayDocument, ReplayRequest
from app.services.deliveries import DeliveryFilter, DeliveryState, DeliveryType

router = strict_router("/v1/deliveries", "webhooks", Admin)


@router.get("")
async def list_deliveries(
    runtime: CurrentRuntime,
    webhook_id: UUID | None = None,
    state: DeliveryState | None = None,
    type_: Annotated[DeliveryType | None, Query(alias="type")] = None,
    lead_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> DeliveryPage:
    """The latest first. Finished ones are kept for 30 days (LEADSCORE_DELIVERIES_DAYS)."""
    wanted = DeliveryFilter(webhook_id=webhook_id, state=state, type=type_, lead_id=lead_id)
    (after,) = read_cursor(wanted, cursor, UUID) if cursor else (None,)
    page = await runtime.deliveries.page(wanted, after, limit)
    more = write_cursor(wanted, [str(page.last.id)]) if page.last else None
    return DeliveryPage(data=list(map(DeliveryDocument.of, page.items)), next_cursor=more)


@router.get("/{delivery_id}")
async def get_delivery(runtime: CurrentRuntime, delivery_id: UUID) -> DeliveryDocument:
    return DeliveryDocument.of(await runtime.deliveries.get(delivery_id))


@router.post("/replay")
async def replay_deliveries(runtime: CurrentRuntime, wanted: ReplayRequest) -> ReplayDocument:
    """Send all matching deliveries again, by default the dead ones. Count them first with `dry_run`."""
    act = runtime.deliveries.count if wanted.dry_run else runtime.deliveries.replay
    return ReplayDocument(count=await act(wanted.filter()), replayed=not wanted.dry_run)


@router.post("/{delivery_id}/replay")
async def replay_delivery(runtime: CurrentRuntime, delivery_id: UUID) -> DeliveryDocument:
    """Send one again, with the same id and body, in whatever state it is."""
    await runtime.deliveries.replay(DeliveryFilter(id=delivery_id))
    return DeliveryDocument.of(await runtime.deliveries.get(delivery_id))
