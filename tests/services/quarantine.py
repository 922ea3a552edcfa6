"""Quarantine for the services' tests: messages that seem to be a bot's, the list of them, and their release."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from uuid_utils.compat import uuid7

from app.protocol.batches import Message
from app.protocol.bots import CRAWLER
from app.scoring.events import Event
from app.services.intake import Intake
from app.services.keys import Key
from app.services.releases import Release, Releases
from app.storage.rejections import RejectionFilter, event_from_text
from app.storage.tables import rejections
from tests.services.harness import NOW, Service

_KEY = Key(uuid7(), "website", "write", "ls_write", NOW)


async def quarantine(service: Service, *caught: Event) -> None:
    """Take in a request of messages that would be these events, sent by a crawler."""
    messages = [Message(number, {"messageId": each.message_id}, each) for number, each in enumerate(caught)]
    intake = Intake(service.writer, service.metrics, None)
    await intake.accept(_KEY, messages, service.clock.now, CRAWLER)


async def quarantined(service: Service) -> dict[UUID, Event]:
    """The events that could be released, the oldest first, by the ids of their rejections."""
    query = select(rejections.c.id, rejections.c.event).where(rejections.c.event.is_not(None)).order_by(rejections.c.id)
    async with service.database.read() as connection:
        return {row.id: event_from_text(row.event) for row in await connection.execute(query)}


async def release(service: Service, ids: Collection[UUID] = ()) -> Release:
    """Release the quarantined messages with these ids, or all of them."""
    releases = Releases(service.database, service.models, service.suppressions, service.metrics)
    return await releases.release(RejectionFilter(ids=ids, codes=(CRAWLER.code,)), service.clock.now)
