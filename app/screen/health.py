"""The service's health in words, for the frame of every page and for the page of operations."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.screen.formats import duration, number
from app.services.health import MAX_COUNTED, Health

SWEEPER_LATE_S = 3_600
"""As in the alerts of deploy/prometheus."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that an operator should look at; `count` is how many of it. `path`: where, if admins have a page."""

    count: int
    text: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class HealthLook:
    """`state`: the health in a few words. `badge`: how much there is to look at, as text; empty if nothing."""

    alerts: tuple[Alert, ...]
    state: str
    badge: str

    @classmethod
    def of(cls, health: Health) -> "HealthLook":
        alerts = tuple(_alerts(health))
        total = sum(alert.count for alert in alerts)
        if alerts:
            return cls(alerts, alerts[0].text, number(total) + ("+" if total >= MAX_COUNTED else ""))
        return cls((), f"Rolling out model {health.rollout}" if health.rollout else "All is well", "")

    @property
    def sentence(self) -> str:
        return "; ".join(alert.text for alert in self.alerts)


def _alerts(health: Health) -> Iterator[Alert]:
    """What stops the service first."""
    if health.unready_because:
        yield Alert(1, "The service is not ready")
    if not health.is_writable:
        yield Alert(1, "The database refuses writes")
    if health.oldest_due_s > SWEEPER_LATE_S:
        yield Alert(1, f"Stages lag by {duration(health.oldest_due_s)}")
    if health.failing_webhooks:
        yield Alert(health.failing_webhooks, _counted(health.failing_webhooks, "webhook fails", "webhooks fail"))
    if health.dead_deliveries:
        words = _counted(health.dead_deliveries, "delivery failed", "deliveries failed")
        yield Alert(health.dead_deliveries, words, "ops/deliveries?state=dead")


def _counted(count: int, one: str, many: str) -> str:
    more = "+" if count >= MAX_COUNTED else ""
    return f"{number(count)}{more} {one if count == 1 else many}"
