"""The names in a PromQL expression, and whether leadscore's metrics have them. promtool checks the syntax."""

import re

from app.metrics import Metrics

SERIES = re.compile(r"\b((?:leadscore|process)_\w+)(?:\{([^}]*)\})?")
MATCHED_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPED_BY = re.compile(r"\b(?:by|without|on|ignoring) \(([^)]*)\)")
SCRAPED = frozenset({"job", "instance"})
"""The labels that Prometheus adds."""


def labels_by_series() -> dict[str, frozenset[str]]:
    """Every series that `/metrics` can show, with its labels."""
    metrics = Metrics()
    metrics.requests.labels("GET", "/livez", "200").observe(0)
    metrics.leads.labels("lead").set(1)
    metrics.moved([("interest", "lead")])
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    return {sample.name: frozenset(sample.labels) for sample in samples}


LABELS = labels_by_series()


def series_in(expression: str) -> set[str]:
    return {name for name, _ in SERIES.findall(expression)}


def unknown_names(expression: str) -> set[str]:
    """The series that leadscore does not have, and the labels that they do not have."""
    found = SERIES.findall(expression)
    unknown = {name for name, _ in found if name not in LABELS}
    for name, selector in found:
        unknown |= (
            set(MATCHED_LABEL.findall(re.sub(r'"[^"]*"', "", selector))) - LABELS.get(name, frozenset()) - SCRAPED
        )
    known = SCRAPED.union(*(LABELS.get(name, frozenset()) for name, _ in found))
    grouped = {label.strip() for labels in GROUPED_BY.findall(expression) for label in labels.split(",")}
    return unknown | (grouped - known)
