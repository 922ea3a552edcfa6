"""The feed of changes: read by position, in the order in which they were committed, waiting for the next if asked."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Gone, Unavailable
from app.services.models import ActiveModels, retry_on_conflict
from app.services.publications import Publications
from app.storage import changes as change_store
from app.storage.changes import Change, ChangeType, Extent
from app.storage.db import Database

POLL_INTERVAL_S = 0.25
"""How often a process that has waiting readers looks for new commits."""

MAX_EXAMINED = 20_000
"""The most changes that one read looks at in search of those that are wanted."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes are wanted: any, or those of some types, or those into some stages of the active model."""

    types: Collection[ChangeType] = ()
    stages: Collection[str] = ()

    def wants(self, change: Change) -> bool:
        if self.types and change.type not in self.types:
            return False
        return not self.stages or (change.type == "lead.stage_changed" and change.data["to"] in self.stages)


class FeedPage(NamedTuple):
    """Changes with their positions, and the position up to which the feed was examined for them."""

    changes: list[tuple[int, Change]]
    position: int


class Feed:
    """Reads the feed. All waiting readers of a process share one look at the database."""

    def __init__(self, database: Database, models: ActiveModels) -> None:
        self._database = database
        self._models = models
        self._last = 0
        self._waiting = 0
        self._watch: asyncio.Task[None] | None = None
        self.is_closed = False

    async def bounds(self) -> Extent:
        """How far the feed reaches, everything that has been committed included."""
        await self.number()
        async with self._database.read() as connection:
            return await self._bounds(connection)

    async def read(self, after: int | None, wanted: Filter, limit: int) -> FeedPage:
        """The next wanted changes after a position, or from the oldest that is kept.

        Stages are found under all names that they have had. Raises `Gone` if changes after that position have been
        deleted, or if the feed does not reach that far, and `ValidationFailed` for an unknown stage.
        """
        await self.number()
        found: list[tuple[int, Change]] = []
        # One transaction: if the feed were pruned between its bounds and its changes, some would be skipped unnoticed.
        async with self._database.read() as connection:
            bounds = await self._bounds(connection)
            position = bounds.pruned_to if after is None else after
            _check_position(position, bounds)
            if wanted.stages:  # looked up for each read: they may have been renamed meanwhile
                publications = await Publications.read(connection, self._models)
                wanted = replace(wanted, stages=await publications.known_names_ever(wanted.stages))
            end = min(bounds.last, position + MAX_EXAMINED)
            while position < end and len(found) < limit:
                entries = await change_store.after(connection, position)
                matching = [entry for entry in entries if wanted.wants(entry[1])][: limit - len(found)]
                found += matching
                position = matching[-1][0] if len(found) == limit else entries[-1][0]
        return FeedPage(found, position)

    async def follow(self, after: int | None, wanted: Filter, limit: int, wait_s: float) -> FeedPage:
        """Like `read`, but if nothing is wanted yet, wait up to `wait_s` seconds for it."""
        deadline = monotonic() + wait_s
        page = await self.read(after, wanted, limit)
        while not page.changes and (left := deadline - monotonic()) > 0 and not self.is_closed:
            if page.position >= self._last:
                await self._wait_for_news(left)
            page = await self.read(page.position, wanted, limit)
        return page

    async def number(self) -> None:
        """Number all that was committed before this call; later commits must not keep a reader waiting."""
        async with self._database.read() as connection:
            more = await change_store.has_unnumbered(connection)
        while more:
            more = await retry_on_conflict(self._database, change_store.number)

    async def prune(self, now: datetime, days: int) -> int:
        """Delete the changes that are older than `days`. Returns the number of commits that made them."""
        await self.number()
        async with self._database.write() as connection:
            return await change_store.prune(connection, now - timedelta(days=days))

    def close(self) -> None:
        """Let all waiting readers return soon."""
        self.is_closed = True

    async def stop(self) -> None:
        """Close the feed. Nothing reads the database afterwards, unless a request does."""
        self.close()
        if self._watch is not None:
            await asyncio.wait([self._watch])

    async def _bounds(self, connection: AsyncConnection) -> Extent:
        found = await change_store.extent(connection)
        self._last = found.last
        return found

    async def _wait_for_news(self, seconds: float) -> None:
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_for_news(), name="feed")
        self._waiting += 1
        try:
            await asyncio.wait([self._watch], timeout=seconds)
        finally:
            self._waiting -= 1

    async def _look_for_news(self) -> None:
        """Return when a commit has made changes since this process last looked, or when nobody waits any more."""
        while self._waiting and not self.is_closed:
            try:
                async with self._database.read() as connection:
                    has_news = await change_store.has_unnumbered(connection)
                    if has_news or (await change_store.extent(connection)).last > self._last:
                        return
            except Unavailable:
                return  # the readers will get the same error when they read
            await asyncio.sleep(POLL_INTERVAL_S)


def _check_position(position: int, bounds: Extent) -> None:
    if position < bounds.pruned_to:
        msg = (
            f"The changes after position {position} are no longer kept. Read the leads again, and start over after "
            f"position {bounds.pruned_to}."
        )
        raise Gone(msg)
    if position > bounds.last:
        msg = (
            f"The feed ends at position {bounds.last}: the database may have been restored from a backup. Read the "
            f"leads again, and start over from there."
        )
        raise Gone(msg)


__all__ = ["Change", "ChangeType", "Feed", "FeedPage", "Filter"]
