"""leadscore's Prometheus metrics. Each process has one set, created by `create_app`."""

import math
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_500)


class Metrics:
    """The metrics and the registry that `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "leadscore_request_seconds",
            "Time to answer a request, by route, method and status.",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.messages = Counter(
            "leadscore_messages_total",
            "Messages by result: accepted, duplicate, rejected or honeypot.",
            ["result"],
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "leadscore_commit_messages", "Messages in one commit.", buckets=SIZES, registry=self.registry
        )
        self.commit_seconds = Histogram(
            "leadscore_commit_seconds", "Duration of one commit.", buckets=SECONDS, registry=self.registry
        )
        self.conflicts = Counter(
            "leadscore_commit_conflicts_total",
            "Transactions retried because of a conflict with another.",
            registry=self.registry,
        )
        self.queue_depth = Gauge("leadscore_queue_messages", "Messages waiting for the writer.", registry=self.registry)
        self.untrusted_traits = Counter(
            "leadscore_untrusted_traits_total",
            "Events from public keys with a trait that only secret keys may set.",
            registry=self.registry,
        )
        self.transitions = Counter(
            "leadscore_transitions_total", "Changes of stage.", ["from_stage", "to_stage"], registry=self.registry
        )
        self.leads = Gauge("leadscore_leads", "Leads by stage.", ["stage"], registry=self.registry)
        self.rollout_left = Gauge(
            "leadscore_rollout_left_leads", "Leads that the active model has not reached yet.", registry=self.registry
        )
        self.oldest_due_seconds = Gauge(
            "leadscore_oldest_due_check_seconds",
            "How long the longest-due lead has waited for the sweeper.",
            registry=self.registry,
        )

    def forget(self) -> None:
        """Clear what is read from the database while it is unavailable: old values could keep alerts from firing."""
        self.leads.clear()
        self.rollout_left.set(math.nan)
        self.oldest_due_seconds.set(math.nan)

    def received(self, accepted: int, duplicates: int, rejected: int) -> None:
        """Count the results of a request's messages."""
        for result, count in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            if count:
                self.messages.labels(result).inc(count)

    def committed(self, messages: int, seconds: float, moves: Iterable[tuple[str, str]]) -> None:
        self.batch_size.observe(messages)
        self.commit_seconds.observe(seconds)
        self.moved(moves)

    def moved(self, moves: Iterable[tuple[str, str]]) -> None:
        for from_stage, to_stage in moves:
            self.transitions.labels(from_stage, to_stage).inc()
