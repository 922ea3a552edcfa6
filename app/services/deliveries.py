"""Delivering: each turn of a webhook records its last attempts and claims the next, in one transaction.

No transaction is open while requests are sent. A claim moves a delivery's next attempt ahead: if the process dies, the
delivery is due again. So deliveries arrive at least once, with the same id every time.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version
from random import random
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound
from app.services.failures import readable
from app.services.fanout import Render, fan_out, new_delivery
from app.services.models import ActiveModels, retry_on_conflict
from app.services.pages import Page, fetch_page
from app.services.webhooks import disable, locked, secrets_of
from app.storage import deliveries as delivery_store
from app.storage import webhooks as webhook_store
from app.storage.changes import Change
from app.storage.db import Database
from app.storage.deliveries import Delivery, DeliveryFilter, DeliveryState, DeliveryType
from app.storage.webhooks import Webhook
from app.webhooks.schedule import GIVE_UP_AFTER, next_attempt
from app.webhooks.sending import Answer, WebhookClient
from app.webhooks.signing import signed_headers

CLAIM = timedelta(seconds=60)
"""How long an attempt may take until another process may make it again: well over the time limit of a request."""

MAX_AT_ONCE = 32
"""The most requests that one process sends to a webhook at the same time."""

MAX_TURNS = 2
"""The most turns that one process takes at the same time, so that ingestion doesn't wait behind all webhooks."""

USER_AGENT = f"leadscore/{version('leadscore')}"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Turn:
    """A webhook with the deliveries to attempt now. `is_last`: there is nothing more to do after them."""

    webhook: Webhook
    claimed: Sequence[Delivery]
    is_last: bool


class Attempt(NamedTuple):
    """A delivery as it is after an attempt, and the answer."""

    delivery: Delivery
    answer: Answer


class Deliveries:
    """The deliveries of one database."""

    def __init__(
        self,
        database: Database,
        models: ActiveModels,
        client: WebhookClient,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random,
    ) -> None:
        self._database = database
        self._models = models
        self._client = client
        self._clock = clock
        self._chance = chance
        self._turns = asyncio.Semaphore(MAX_TURNS)

    async def due(self) -> list[UUID]:
        """The webhooks that have something to do."""
        async with self._database.read() as connection:
            return await webhook_store.with_work(connection, self._clock())

    async def close_unused_connections(self) -> None:
        await self._client.close_unused()

    async def take_turn(self, webhook_id: UUID, attempts: Collection[Attempt], render: Render) -> Turn | None:
        """Record attempts, make deliveries of new changes, and claim the next ones. None if the webhook is disabled."""

        async def turn(connection: AsyncConnection) -> Turn | None:
            now = self._clock()
            webhook = await _record(connection, webhook_id, attempts, now)
            if webhook is None or webhook.disabled_at is not None:
                return None
            claimed, is_behind = await _claim(connection, webhook, now, MAX_AT_ONCE), True
            if len(claimed) < MAX_AT_ONCE:  # otherwise there is enough to do without new deliveries
                is_behind = await fan_out(connection, self._models, webhook, render, now)
                claimed += await _claim(connection, webhook, now, MAX_AT_ONCE - len(claimed))
            return Turn(webhook, claimed, is_last=not claimed and not is_behind)

        async with self._turns:
            return await retry_on_conflict(self._database, turn)

    async def record(self, webhook_id: UUID, attempts: Collection[Attempt]) -> None:
        """Record the last attempts before the process stops."""
        async with self._turns:
            now = self._clock()
            await retry_on_conflict(self._database, lambda connection: _record(connection, webhook_id, attempts, now))

    async def attempt(self, webhook: Webhook, delivery: Delivery) -> Attempt:
        """Send a claimed delivery. The result is not recorded yet."""
        now = self._clock()
        headers = signed_headers(secrets_of(webhook, now), str(delivery.change_id), now, delivery.body)
        headers |= {"content-type": "application/json", "user-agent": USER_AGENT}
        answer = await self._client.post(webhook.url, headers, delivery.body.encode())
        ended = self._clock()  # not now: the receiver may have taken longer than the delay until the next attempt
        again = (
            None
            if answer.is_success
            else next_attempt(delivery.attempts + 1, ended, self._chance(), answer.retry_after)
        )
        return Attempt(_attempted(delivery, answer, now, again), answer)

    async def send_test(self, webhook_id: UUID, render: Render) -> Delivery:
        """Send a test at once, also if the webhook is disabled. Raises `NotFound`."""
        now = self._clock()
        test = Change(uuid7(), "webhook.test", now, None, {"webhook_id": webhook_id})
        delivery = replace(new_delivery(webhook_id, test, render(None, test, None), now), next_attempt_at=now + CLAIM)
        async with self._database.write() as connection:
            webhook = await locked(connection, webhook_id)
            await delivery_store.insert(connection, [delivery])
        attempted = (await self.attempt(webhook, delivery)).delivery
        if attempted.state == "pending":  # it failed, and a test is sent only once
            attempted = replace(attempted, state="dead", next_attempt_at=None)
        async with self._database.write() as connection:
            await delivery_store.record(connection, [attempted])
        return attempted

    async def get(self, delivery_id: UUID) -> Delivery:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            found = await delivery_store.get(connection, delivery_id)
        if found is None:
            raise NotFound(f"There is no delivery {delivery_id}. /v1/deliveries lists those that are kept.")
        return found

    async def page(self, wanted: DeliveryFilter, after: UUID | None, limit: int) -> Page[Delivery]:
        """The latest first."""
        async with self._database.read() as connection:
            return await fetch_page(lambda count: delivery_store.page(connection, wanted, after, count), limit)

    async def count(self, wanted: DeliveryFilter) -> int:
        async with self._database.read() as connection:
            return await delivery_store.count(connection, wanted)

    async def replay(self, wanted: DeliveryFilter) -> int:
        """Make deliveries due again. Returns how many there were."""
        now = self._clock()
        return await retry_on_conflict(
            self._database, lambda connection: delivery_store.replay(connection, wanted, now)
        )

    async def prune(self, now: datetime, days: int) -> int:
        """Delete the finished deliveries that are older than `days`. Returns their number."""
        before = now - timedelta(days=days)
        return await retry_on_conflict(self._database, lambda connection: delivery_store.prune(connection, before))


async def _claim(connection: AsyncConnection, webhook: Webhook, now: datetime, limit: int) -> list[Delivery]:
    return readable(await delivery_store.claim(connection, webhook.id, now, now + CLAIM, limit))


async def _record(
    connection: AsyncConnection, webhook_id: UUID, attempts: Collection[Attempt], now: datetime
) -> Webhook | None:
    """Store attempts, and what they mean for the webhook, which is then locked. None if it was deleted."""
    webhook = await webhook_store.lock(connection, webhook_id)
    if webhook is None:
        return None
    await delivery_store.record(connection, [attempt.delivery for attempt in attempts])
    return await _judged(connection, webhook, attempts, now)


async def _judged(
    connection: AsyncConnection, webhook: Webhook, attempts: Collection[Attempt], now: datetime
) -> Webhook:
    """The webhook after these attempts: failing since when, and disabled if its receiver is gone for good."""
    if not attempts:
        return webhook
    if any(attempt.answer.is_success for attempt in attempts):
        return await webhook_store.change(connection, webhook, failing_since=None)
    since = webhook.failing_since or now
    webhook = await webhook_store.change(connection, webhook, failing_since=since)
    if any(attempt.answer.status == HTTPStatus.GONE for attempt in attempts):
        return await disable(connection, webhook, "The receiver answered 410 Gone.", now)
    if now - since >= GIVE_UP_AFTER:
        return await disable(connection, webhook, f"Every attempt has failed for {GIVE_UP_AFTER.days} days.", now)
    return webhook


def _attempted(delivery: Delivery, answer: Answer, now: datetime, again: datetime | None) -> Delivery:
    state: DeliveryState = "delivered" if answer.is_success else "pending" if again else "dead"
    return replace(
        delivery,
        state=state,
        attempts=delivery.attempts + 1,
        next_attempt_at=again,
        attempted_at=now,
        status=answer.status,
        error=answer.error,
        answer=answer.body,
        seconds=answer.seconds,
    )


__all__ = ["Attempt", "Deliveries", "Delivery", "DeliveryFilter", "DeliveryState", "DeliveryType"]
