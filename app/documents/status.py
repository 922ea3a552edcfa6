"""The document of the service's status."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Self

from pydantic import BaseModel

from app.documents.rollouts import RolloutDocument
from app.services.status import DatabaseKind, JobState, Status


class WebhookStatus(BaseModel):
    """`behind`: enabled webhooks for which the feed has changes that were not looked at yet.

    `failing`: webhooks whose latest attempt failed, those included that were disabled after it.
    """

    disabled: int
    failing: int
    behind: int
    pending_deliveries: int
    oldest_pending_seconds: float
    dead_deliveries: int


class StatusDocument(BaseModel):
    """`version`, readiness, `writable` and `queue_messages` are of the process that answers, all else of the service.

    `writable`: whether its latest write to the database succeeded.

    `rollout` is null unless one is under way; `rollout_left_leads` are left to it. `oldest_due_check_seconds` is how
    long the longest-due lead has waited for the sweeper. `jobs` are counted by state.
    """

    version: str
    schema_version: str | None
    database: DatabaseKind
    ready: bool
    unready_because: str | None
    writable: bool
    queue_messages: int
    leads: Mapping[str, int]
    oldest_due_check_seconds: float
    feed_position: int
    rollout: RolloutDocument | None
    rollout_left_leads: int
    jobs: Mapping[JobState, int]
    webhooks: WebhookStatus

    @classmethod
    def of(cls, status: Status) -> Self:
        gauges = status.gauges
        return cls(
            version=version("leadscore"),
            schema_version=status.schema,
            database=status.database,
            ready=status.unready_because is None,
            unready_because=status.unready_because,
            writable=status.writable,
            queue_messages=status.queue_messages,
            leads=gauges.leads,
            oldest_due_check_seconds=gauges.oldest_due_s,
            feed_position=gauges.feed_position,
            rollout=RolloutDocument.of(status.rollout) if status.rollout else None,
            rollout_left_leads=gauges.rollout_left,
            jobs=status.jobs,
            webhooks=WebhookStatus(
                disabled=gauges.disabled_webhooks,
                failing=status.webhooks_failing,
                behind=status.webhooks_behind,
                pending_deliveries=gauges.pending_deliveries,
                oldest_pending_seconds=gauges.oldest_delivery_s,
                dead_deliveries=status.dead_deliveries,
            ),
        )
