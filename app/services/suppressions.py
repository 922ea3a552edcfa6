"""Suppressions: the events of people who object are dropped, with their rejected messages.

Identities are stored as hashes, made with a secret that is not in the database: somebody with a dump alone can't find
out whether an address that they guess was suppressed. A `user_id` that is an email address is suppressed as that
address, which every message with such a `user_id` has too.

Trap: a process may not know yet of the newest suppression, even one that it has made itself. So every commit asks for
it, after it has locked the leads, and starts over if that is not the one it took into account.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import NotFound, ValidationFailed
from app.protocol.identities import as_address
from app.scoring.events import Event, Identity
from app.services.models import retry_on_conflict
from app.services.pages import Page, fetch_page
from app.storage import rollouts as rollout_store
from app.storage import suppressions as suppression_store
from app.storage.db import Database
from app.storage.rejections import Rejection
from app.storage.suppressions import Suppression


class Sifted(NamedTuple):
    """What is left of a commit without the suppressed, and the newest suppression that was taken into account."""

    events: Sequence[Event]
    rejections: Sequence[Rejection]
    newest: int | None


class Suppressions:
    """The suppressions of one database, as far as they were made with this process's secret."""

    def __init__(self, database: Database, secret: str | None) -> None:
        self._database = database
        self._secret = secret.encode() if secret else None
        self._newest: int | None = None
        self._is_known = False

    @property
    def secret_id(self) -> str | None:
        """Equal for equal secrets, without revealing them."""
        return self._hash("secret")[:16] if self._secret else None

    async def sift(
        self, connection: AsyncConnection, events: Sequence[Event], rejections: Sequence[Rejection]
    ) -> Sifted:
        """Leave out what has a suppressed identity. Without suppressions, this costs one query per process."""
        newest = await self._read_newest(connection)
        if newest is None or self._secret is None:
            return Sifted(events, rejections, newest)
        keys = {str(identity) for event in events for identity in event.identities}
        keys |= {key for rejection in rejections for key in rejection.identities}
        hashes = {self._hash(key): key for key in keys}
        dropped = {hashes[found] for found in await suppression_store.find(connection, hashes)}
        return Sifted(
            [event for event in events if dropped.isdisjoint(map(str, event.identities))],
            [rejection for rejection in rejections if dropped.isdisjoint(rejection.identities)],
            newest,
        )

    def forget(self) -> None:
        """Let the next commit read which suppression is the newest: one may have been added since."""
        self._is_known = False

    def check(self) -> str:
        """The secret's id. Raises `ValidationFailed` if there is none."""
        secret_id = self.secret_id
        if secret_id is None:
            raise ValidationFailed(
                "Set LEADSCORE_SUPPRESSION_SECRET first: people are suppressed and found by hashes made with it."
            )
        return secret_id

    async def add(self, connection: AsyncConnection, identities: Iterable[Identity], now: datetime) -> None:
        """Suppress identities within a transaction. Raises `ValidationFailed` if there is no secret."""
        secret_id = self.check()
        await suppression_store.insert(connection, map(self._hash_of, identities), secret_id, now)

    async def suppress(self, identities: Collection[Identity], now: datetime) -> list[Suppression]:
        """Suppress identities, whether or not a lead has them; what is stored of that lead stays.

        Raises `ValidationFailed` if there is no secret.
        """

        async def work(connection: AsyncConnection) -> list[Suppression]:
            await self.add(connection, identities, now)
            return await suppression_store.of_hashes(connection, {*map(self._hash_of, identities)})

        return await retry_on_conflict(self._database, work)

    async def page(self, after: int | None, limit: int) -> Page[Suppression]:
        """The latest first."""
        async with self._database.read() as connection:
            return await fetch_page(lambda count: suppression_store.page(connection, after, count), limit)

    async def remove(self, suppression_id: int) -> None:
        """Accept events of a person again. Raises `NotFound`."""
        async with self._database.write() as connection:
            _check_found(was_there=await suppression_store.remove(connection, suppression_id))

    async def remove_by_identity(self, identity: Identity) -> None:
        """The same by an identity. Raises `NotFound`, or `ValidationFailed` if there is no secret."""
        self.check()
        async with self._database.write() as connection:
            _check_found(was_there=await suppression_store.remove_by_hash(connection, self._hash_of(identity)))

    async def _read_newest(self, connection: AsyncConnection) -> int | None:
        if not self._is_known:
            self._newest = (await rollout_store.active(connection)).newest_suppression
            self._is_known = True
        return self._newest

    def _hash_of(self, identity: Identity) -> str:
        return self._hash(str(as_address(identity)))

    def _hash(self, key: str) -> str:
        return hmac.new(self._secret or b"", key.encode(), hashlib.sha256).hexdigest()


def _check_found(*, was_there: bool) -> None:
    if not was_there:
        raise NotFound("There is no such suppression: list the suppressions to see which exist.")


__all__ = ["Suppression", "Suppressions"]
