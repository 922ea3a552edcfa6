"""Replaying the demo data: into an empty database, by the ordinary way in, with a clock that is set to each moment.

So the history is what it would have been: stages entered and left on their days, and answers about any past moment.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from app.demo.messages import Sent
from app.errors import ValidationFailed
from app.protocol.batches import Message, read_batch
from app.protocol.messages import Sender
from app.services.models import Version, draft, read_model, starter_text
from app.services.rejections import rejections_of
from app.services.runtime import Runtime
from app.services.sweep import sweep_due
from app.storage.copies import used_tables
from app.storage.db import Database

MESSAGES_AT_ONCE = 50
"""Committed together, as of the moment of the last one: a few hours' worth."""

MESSAGES_AT_LAST = 5
"""The same on the last day, about which operators ask by the hour."""


VARIANT = (
    "{signal: feature_used, at_least: 3, within_days: 14}",
    "{signal: feature_used, at_least: 2, within_days: 14}",
)
VARIANT_NOTE = "Two uses of a feature make a product-qualified lead"


class SetClock:
    """A clock that shows the moment that it was last set to."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


async def require_empty(database: Database) -> None:
    """Raises `ValidationFailed` if anything was ever stored in a migrated database."""
    async with database.read() as connection:
        if await used_tables(connection):
            msg = "The database in LEADSCORE_DATABASE_URL holds data: demo data is only stored in an empty database."
            raise ValidationFailed(msg)


async def replay(
    runtime: Runtime, clock: SetClock, sent: Sequence[Sent], on_chunk: Callable[[int], None] = lambda _: None
) -> None:
    """Store the messages, which ascend by time. The runtime has this clock, and its writer runs.

    `on_chunk` is called with the number of messages in each chunk that is stored.
    """
    for chunk in _chunks(sent):
        day, clock.moment = clock.moment.date(), chunk[-1].at
        if clock.moment.date() > day:
            await _sweep(runtime, clock.moment)
        await _store(runtime, chunk, clock.moment)
        on_chunk(len(chunk))


async def _sweep(runtime: Runtime, now: datetime) -> None:
    """Check all leads that are due, so that stages change on their days."""
    limit, checked = runtime.settings.sweep_chunk, runtime.settings.sweep_chunk
    while checked == limit:
        checked, _ = await sweep_due(runtime.database, runtime.models, now, limit)


async def draft_variant(runtime: Runtime, now: datetime) -> Version:
    """Draft a version that asks for less, so that there is something to compare, preview and publish."""
    text = starter_text().replace(*VARIANT)
    return await draft(runtime.database, read_model(text), VARIANT_NOTE, now, text=text)


def _chunks(sent: Sequence[Sent]) -> Iterator[Sequence[Sent]]:
    done = 0
    while done < len(sent):
        is_last_day = sent[-1].at - sent[done].at < timedelta(days=1)
        size = MESSAGES_AT_LAST if is_last_day else MESSAGES_AT_ONCE
        yield sent[done : done + size]
        done += size


async def _store(runtime: Runtime, chunk: Sequence[Sent], now: datetime) -> None:
    read = [(each.source, message) for each in chunk for message in _read(each, now)]
    rejections = [kept for source, each in read if each.error for kept in rejections_of([each], source, now)]
    await runtime.writer.submit([each.event for _, each in read if each.event is not None], rejections)


def _read(sent: Sent, now: datetime) -> list[Message]:
    sender = Sender(sent.source, trusted=sent.source != "website")
    return read_batch({"batch": [sent.message]}, sender=sender, received_at=now)
