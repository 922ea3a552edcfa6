"""Replicas that deliver to one local receiver, with what tests ask of them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.documents.webhooks import render_message
from app.services.deliveries import Attempt, Deliveries, Delivery, DeliveryFilter
from app.services.webhooks import ChangeFilter, Target, Webhook, Webhooks
from app.webhooks.sending import GuardedBackend, WebhookClient
from tests.services.harness import Service
from tests.webhooks.receivers import Receiver, receiving

ALL = frozenset({"lead.created", "lead.stage_changed", "lead.score_changed", "lead.traits_changed", "lead.merged"})
STAGES = frozenset({"lead.stage_changed"})
HOST = "127.0.0.1"


@dataclass
class Sender:
    """A replica that delivers to one local receiver."""

    service: Service
    webhooks: Webhooks
    deliveries: Deliveries
    receiver: Receiver

    async def subscribe(self, types: frozenset[str] = ALL, *, thin: bool = False, **wanted: Any) -> Webhook:
        target = Target(f"http://{HOST}:{self.receiver.port}/", ChangeFilter(types, **wanted), thin=thin)
        return (await self.webhooks.create(target, "latest", self.service.clock.now)).webhook

    async def deliver(self, webhook: Webhook) -> list[Delivery]:
        """Take turns until nothing is due. Returns every attempt's result."""
        await self.service.feed.number()
        done, attempts = list[Delivery](), list[Attempt]()
        while (turn := await self.deliveries.take_turn(webhook.id, attempts, render_message)) and not turn.is_last:
            attempts = [await self.deliveries.attempt(turn.webhook, each) for each in turn.claimed]
            done += [attempt.delivery for attempt in attempts]
        return done

    async def stored(self, **wanted: Any) -> list[Delivery]:
        page = await self.deliveries.page(DeliveryFilter(**wanted), None, 1_000)
        return list(reversed(page.items))

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in self.receiver.requests]


@asynccontextmanager
async def sending(service: Service, answering: Any) -> AsyncIterator[Sender]:
    client = WebhookClient(GuardedBackend([HOST]))
    async with receiving(answering) as receiver:
        webhooks = Webhooks(service.database, service.models, service.feed, [HOST])
        deliveries = Deliveries(service.database, service.models, client, service.clock, lambda: 0)
        yield Sender(service, webhooks, deliveries, receiver)
        await client.close()
