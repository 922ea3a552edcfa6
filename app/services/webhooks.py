"""Webhooks: the endpoints that changes are delivered to, each with what it wants and the secrets that sign."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from app.errors import NotFound, ValidationFailed
from app.scoring.engine import CompiledModel
from app.services.failures import readable
from app.services.feed import Feed
from app.services.models import ActiveModels, retry_on_conflict
from app.storage import changes as change_store
from app.storage import webhooks as webhook_store
from app.storage.changes import Change, ChangeType
from app.storage.db import Database
from app.storage.webhooks import Webhook
from app.validation.faults import Fault
from app.validation.names import unknown_names
from app.webhooks.filters import ChangeFilter, Direction, ScoreFilter
from app.webhooks.signing import new_secret
from app.webhooks.urls import check_url

After = int | Literal["latest"]

log = structlog.get_logger()


class NewSecret(NamedTuple):
    """A webhook with its new secret, which is not shown again."""

    webhook: Webhook
    secret: str


@dataclass(frozen=True, slots=True)
class Target:
    """What can be set of a webhook: where it is, and what is sent there."""

    url: str
    filter: ChangeFilter
    description: str | None = None
    thin: bool = False


class Webhooks:
    """The webhooks of one database."""

    def __init__(self, database: Database, models: ActiveModels, feed: Feed, trusted_hosts: Collection[str]) -> None:
        self._database = database
        self._models = models
        self._feed = feed
        self._trusted_hosts = trusted_hosts

    async def create(self, target: Target, after: After, now: datetime) -> NewSecret:
        """`after`: the position in the feed whose later changes are delivered. Raises `UnsafeUrl`."""
        await self._check(target)
        secret = new_secret()
        webhook = Webhook(
            id=uuid7(),
            url=target.url,
            description=target.description,
            filter=_to_json(target.filter),
            thin=target.thin,
            secret=secret,
            position=await self._position(after),
            created_at=now,
        )
        async with self._database.write() as connection:
            await webhook_store.insert(connection, webhook)
        return NewSecret(webhook, secret)

    async def get(self, webhook_id: UUID) -> Webhook:
        """Raises `NotFound`."""
        async with self._database.read() as connection:
            return _existing(await webhook_store.get(connection, webhook_id), webhook_id)

    async def list_all(self) -> list[Webhook]:
        async with self._database.read() as connection:
            return readable(await webhook_store.list_all(connection))

    async def retarget(self, webhook_id: UUID, target: Target, after: After | None) -> Webhook:
        """Replace what can be set. `after`: continue from this position of the feed instead of its own."""
        await self._check(target)
        position = {} if after is None else {"position": await self._position(after)}
        values = {"url": target.url, "description": target.description, "thin": target.thin}
        return await self._change(webhook_id, **values, filter=_to_json(target.filter), **position)

    async def enable(self, webhook_id: UUID) -> Webhook:
        """Deliver again, beginning with what happened while it was disabled."""
        return await self._change(webhook_id, disabled_at=None, disabled_because=None, failing_since=None)

    async def disable(self, webhook_id: UUID, now: datetime) -> Webhook:
        """Stop delivering. Changes wait in the feed, and pending deliveries where they are."""
        async with self._database.write() as connection:
            webhook = await locked(connection, webhook_id)
            return await disable(connection, webhook, "It was disabled by hand.", now)

    async def remove(self, webhook_id: UUID) -> None:
        async def removal(connection: AsyncConnection) -> None:
            await locked(connection, webhook_id)
            await webhook_store.remove(connection, webhook_id)

        await retry_on_conflict(self._database, removal)

    async def rotate(self, webhook_id: UUID, overlap: timedelta, now: datetime) -> NewSecret:
        """Give it a new secret. Until the overlap ends, the old one signs too, so receivers can change over."""
        secret = new_secret()
        async with self._database.write() as connection:
            webhook = await locked(connection, webhook_id)
            old = {"old_secret": webhook.secret, "old_secret_until": now + overlap} if overlap else {}
            values = {"secret": secret, "old_secret": None, "old_secret_until": None} | old
            return NewSecret(await webhook_store.change(connection, webhook, **values), secret)

    async def _change(self, webhook_id: UUID, **values: Any) -> Webhook:
        async with self._database.write() as connection:
            webhook = await locked(connection, webhook_id)
            return await webhook_store.change(connection, webhook, **values)

    async def _position(self, after: After) -> int:
        bounds = await self._feed.bounds()
        return bounds.last if after == "latest" else min(max(after, bounds.pruned_to), bounds.last)

    async def _check(self, target: Target) -> None:
        """Raises `UnsafeUrl` for the URL, and `ValidationFailed` for names that the active model does not have."""
        await check_url(target.url, self._trusted_hosts)
        async with self._database.read() as connection:
            model = await self._models.active(connection)
        if faults := (*_without_their_type(target.filter), *_unknown_names(target.filter, model)):
            raise ValidationFailed.of(*faults)


def _without_their_type(wanted: ChangeFilter) -> Iterator[Fault]:
    """Restrictions of changes that are not wanted at all: they would be ignored."""
    if wanted.to is not None and "lead.stage_changed" not in wanted.types:
        yield Fault("to", "restricts changes of stages: add lead.stage_changed to `types`")
    if wanted.score is not None and "lead.score_changed" not in wanted.types:
        yield Fault("score", "restricts changes of scores: add lead.score_changed to `types`")
    if wanted.direction is not None and wanted.score is None and "lead.stage_changed" not in wanted.types:
        fault = "restricts changes of stages, and of a score across a threshold: "
        yield Fault("direction", fault + "add lead.stage_changed to `types`, or a `score`")


def _unknown_names(wanted: ChangeFilter, model: CompiledModel) -> Iterator[Fault]:
    stages = [stage.name for stage in model.stages]
    yield from unknown_names("to", "stage", sorted(wanted.to or ()), stages)
    if wanted.score is None:
        return
    yield from unknown_names("score.name", "score", [wanted.score.name], model.scores)
    score = model.scores.get(wanted.score.name)
    if score is not None and wanted.score.band is not None:
        yield from unknown_names("score.band", "band", [wanted.score.band], [band for _, band in score.bands])


async def disable(connection: AsyncConnection, webhook: Webhook, reason: str, now: datetime) -> Webhook:
    """Disable a locked webhook, with a change in the feed and a line in the log, unless it is disabled already."""
    if webhook.disabled_at is not None:
        return webhook
    data = {"webhook_id": webhook.id, "reason": reason}
    await change_store.insert(connection, [Change(uuid7(), "webhook.disabled", now, None, data)], now)
    log.warning("webhook disabled", webhook=str(webhook.id), reason=reason)
    return await webhook_store.change(connection, webhook, disabled_at=now, disabled_because=reason)


def secrets_of(webhook: Webhook, now: datetime) -> list[str]:
    """The secrets that sign now: the old one too, while they overlap."""
    overlaps = webhook.old_secret_until is not None and now < webhook.old_secret_until
    return [webhook.secret, webhook.old_secret] if overlaps and webhook.old_secret else [webhook.secret]


def filter_of(stored: Mapping[str, Any]) -> ChangeFilter:
    """The filter in the form in which it is stored, and in which clients send it."""
    return ChangeFilter(
        types=frozenset(stored["types"]),
        to=None if stored["to"] is None else frozenset(stored["to"]),
        direction=stored["direction"],
        score=None if stored["score"] is None else ScoreFilter(**stored["score"]),
    )


def _to_json(wanted: ChangeFilter) -> Mapping[str, Any]:
    lists = {"types": sorted(wanted.types), "to": None if wanted.to is None else sorted(wanted.to)}
    return lists | {"direction": wanted.direction, "score": asdict(wanted.score) if wanted.score else None}


async def locked(connection: AsyncConnection, webhook_id: UUID) -> Webhook:
    """The webhook, locked until the transaction ends. Raises `NotFound`."""
    return _existing(await webhook_store.lock(connection, webhook_id), webhook_id)


def _existing(webhook: Webhook | None, webhook_id: UUID) -> Webhook:
    if webhook is None:
        raise NotFound(f"There is no webhook {webhook_id}: list the webhooks to see which exist.")
    return webhook


__all__ = [
    "ChangeFilter",
    "ChangeType",
    "Direction",
    "NewSecret",
    "ScoreFilter",
    "Target",
    "Webhook",
    "Webhooks",
    "filter_of",
]
