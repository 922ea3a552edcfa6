"""leadscore's Prometheus metrics. Each process has one set, created by `create_app`.

Results that haven't occurred yet are shown as 0: a series that only begins with its first event has no rise to see.
"""

import math
from collections.abc import Iterable
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.process_collector import ProcessCollector

RESULTS = ("accepted", "duplicate", "rejected", "quarantined")
ATTEMPTS = ("delivered", "failed", "dead")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_500)


class Metrics:
    """The metrics and the registry that `/metrics` shows."""

    def __init__(self) -> None:
        # For the whole process: times of creation would double the number of series, and nothing uses them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("leadscore_build", "The running version.", registry=self.registry).info({"version": version("leadscore")})
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.requests = histogram(
            "leadscore_request_seconds",
            "Time to answer a request, by route, method and status.",
            ["method", "route", "status"],
            buckets=SECONDS,
        )
        self.messages = counter(
            "leadscore_messages_total", "Messages by result: accepted, duplicate, rejected or quarantined.", ["result"]
        )
        self.batch_size = histogram("leadscore_commit_messages", "Messages in one commit.", buckets=SIZES)
        self.commit_seconds = histogram("leadscore_commit_seconds", "Duration of one commit.", buckets=SECONDS)
        self.conflicts = counter(
            "leadscore_commit_conflicts_total", "Transactions retried because of a conflict with another."
        )
        self.queue_depth = gauge("leadscore_queue_messages", "Messages waiting for the writer.")
        self.untrusted_traits = counter(
            "leadscore_untrusted_traits_total", "Events from public keys with a trait that only secret keys may set."
        )
        self.failed_evaluations = counter(
            "leadscore_failed_evaluations_total",
            "Leads set aside by the sweeper or a rollout, because they can't be evaluated.",
        )
        self.suppressed = counter(
            "leadscore_suppressed_events_total", "Events dropped because the person is suppressed."
        )
        self.transitions = counter("leadscore_transitions_total", "Changes of stage.", ["from_stage", "to_stage"])
        self.leads = gauge("leadscore_leads", "Leads by stage.", ["stage"])
        self.rollout_left = gauge("leadscore_rollout_left_leads", "Leads that the active model has not reached yet.")
        self.oldest_due_seconds = gauge(
            "leadscore_oldest_due_check_seconds", "How long the longest-due lead has waited for the sweeper."
        )
        self.webhook_attempt_seconds = histogram(
            "leadscore_webhook_attempt_seconds",
            "Time of an attempt to deliver to a webhook, by result: delivered, failed, or dead after the last one.",
            ["result"],
            buckets=SECONDS,
        )
        self.pending_deliveries = gauge(
            "leadscore_webhook_pending_deliveries", "Deliveries not yet successful or dead."
        )
        self.oldest_delivery_seconds = gauge(
            "leadscore_webhook_oldest_pending_seconds", "Age of the oldest pending delivery."
        )
        self.disabled_webhooks = gauge("leadscore_webhooks_disabled", "Disabled webhooks.")
        self.feed_position = gauge("leadscore_feed_position", "Position of the latest change in the feed.")
        self._received = {result: self.messages.labels(result) for result in RESULTS}
        for result in ATTEMPTS:
            self.webhook_attempt_seconds.labels(result)

    def forget(self) -> None:
        """Clear what is read from the database while it is unavailable: old values could keep alerts from firing."""
        self.leads.clear()
        for gauge in (
            self.rollout_left,
            self.oldest_due_seconds,
            self.pending_deliveries,
            self.oldest_delivery_seconds,
            self.disabled_webhooks,
            self.feed_position,
        ):
            gauge.set(math.nan)

    def received(self, accepted: int = 0, duplicates: int = 0, rejected: int = 0, quarantined: int = 0) -> None:
        """Count the results of a request's messages."""
        for result, count in zip(RESULTS, (accepted, duplicates, rejected, quarantined), strict=True):
            if count:
                self._received[result].inc(count)

    def committed(self, messages: int, seconds: float, moves: Iterable[tuple[str, str]]) -> None:
        self.batch_size.observe(messages)
        self.commit_seconds.observe(seconds)
        self.moved(moves)

    def attempted(self, state: str, seconds: float) -> None:
        """Count an attempt by the state of its delivery afterwards."""
        result = "failed" if state == "pending" else state
        self.webhook_attempt_seconds.labels(result).observe(seconds)

    def moved(self, moves: Iterable[tuple[str, str]]) -> None:
        for from_stage, to_stage in moves:
            self.transitions.labels(from_stage, to_stage).inc()
