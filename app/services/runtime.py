"""The runtime of one process: what requests and workers share, started and stopped in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from uuid_utils.compat import uuid7

from app.errors import Unavailable
from app.metrics import Metrics
from app.protocol.bots import crawler_pattern
from app.protocol.messages import Sender
from app.scoring.referrers import known_referrers, public_suffixes
from app.services.challenges import Challenges
from app.services.deliveries import Deliveries
from app.services.failures import SetAside
from app.services.feed import Feed
from app.services.gauges import update_gauges
from app.services.health import HealthCheck
from app.services.intake import Intake
from app.services.jobs import Jobs
from app.services.keyring import KeyRing
from app.services.keys import Key, NewKey, create_chosen_keys, create_first_keys
from app.services.lead_lists import LeadLists
from app.services.leads import Leads
from app.services.models import ActiveModels
from app.services.publishing import install_starter
from app.services.releases import Releases
from app.services.retractions import Retractions
from app.services.suppressions import Suppressions
from app.services.webhooks import Webhooks
from app.services.writer import Writer
from app.settings import Settings
from app.storage.db import Database
from app.storage.migrations import check_schema, migrate
from app.webhooks.sending import GuardedBackend, WebhookClient

if TYPE_CHECKING:
    from app.services.quotas import Quotas

log = structlog.get_logger()

MAX_PREVIEWS = 2
"""Concurrent previews: each holds a connection until it is done."""


class Runtime:
    """The database, models, keys, writer and metrics of one process."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.id = uuid7()
        self.settings = settings
        self.clock = clock
        self.metrics = Metrics()
        self.database = Database(
            settings.database_url, pool_size=settings.pool_size, pool_timeout_s=settings.pool_timeout_s
        )
        self.models = ActiveModels()
        self.keys = KeyRing(self.database, clock)
        self.quotas = _quotas(settings)
        self.health = HealthCheck(self.database, self.check, clock)
        self.set_aside = SetAside(self.metrics)
        secret = settings.suppression_secret
        self.suppressions = Suppressions(self.database, secret.get_secret_value() if secret else None)
        secret = settings.proof_of_work_secret
        self.challenges = Challenges(secret.get_secret_value()) if secret else None
        self.leads = Leads(self.database, self.models)
        self.lead_lists = LeadLists(self.database, self.models)
        self.feed = Feed(self.database, self.models)
        self.webhooks = Webhooks(self.database, self.models, self.feed, settings.webhook_hosts)
        self._webhook_client = WebhookClient(GuardedBackend(settings.webhook_hosts))
        self.deliveries = Deliveries(self.database, self.models, self._webhook_client, clock)
        self.jobs = Jobs(self.database, clock)
        self.retractions = Retractions(self.database, self.models, clock)
        self.releases = Releases(self.database, self.models, self.suppressions, self.metrics)
        self._previews = asyncio.Semaphore(MAX_PREVIEWS)
        self.writer = Writer(
            self.database,
            self.models,
            self.metrics,
            clock,
            self.suppressions,
            queue_messages=settings.queue_messages,
            commit_messages=settings.commit_messages,
        )
        self.intake = Intake(self.writer, self.metrics, settings.phone_region)
        self.stopping = False
        self._writing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make sure that the schema is current and a model is active. Raises `SchemaOutdated` or `Unavailable`."""
        if self.settings.embedded:
            await migrate(self.database)
        else:
            await check_schema(self.database)
        await install_starter(self.database, self.clock)

    async def start(self) -> None:
        """Open the database, create the keys that the settings list, and start the writer."""
        known_referrers(), public_suffixes(), crawler_pattern()  # loaded now, so that no request waits for them
        await self.open()
        if created := await create_chosen_keys(self.database, self.settings.bootstrap_keys, self.clock()):
            log.info("keys created", keys=len(created))
        self._writing = asyncio.create_task(self.writer.run(), name="writer")

    def sender(self, key: Key) -> Sender:
        """The sender of messages that carry this key."""
        return Sender(key.name, trusted=key.kind == "server", phone_region=self.settings.phone_region)

    async def make_first_keys(self) -> list[NewKey]:
        """Create a key of each kind if the database is embedded and has no keys."""
        return await create_first_keys(self.database, self.clock()) if self.settings.embedded else []

    async def stop(self) -> None:
        """Commit what is queued, then close the database."""
        self.stopping = True
        self.writer.close()
        if self._writing is not None:
            await self._writing
        await self.feed.stop()
        if self.quotas is not None:
            await self.quotas.close()
        await self._webhook_client.close()
        await self.database.close()

    async def check(self) -> None:
        """Raise `Unavailable` or `SchemaOutdated` if requests can't be served now."""
        if self.stopping:
            raise Unavailable("The server is shutting down.")
        await check_schema(self.database, or_newer=True)

    @asynccontextmanager
    async def preview_slot(self) -> AsyncIterator[None]:
        """Hold one of the `MAX_PREVIEWS` slots. Raises `Unavailable` if all are taken."""
        if self._previews.locked():
            msg = "Too many previews are running. Send the same request again a little later."
            raise Unavailable(msg, retry_after_s=10)
        async with self._previews:
            yield

    async def observe(self) -> None:
        """Update the gauges that are read from the database. They have no value while it is unreachable."""
        await update_gauges(self.database, self.metrics, self.clock())


def _quotas(settings: Settings) -> "Quotas | None":
    """None, and nothing loaded, unless one is set."""
    per_key, per_address = settings.quota_per_key, settings.quota_per_address
    if per_key is None and per_address is None:
        return None
    from app.services.quotas import Quotas  # noqa: PLC0415 - see above

    return Quotas(per_key, per_address, settings.quota_redis_url)
