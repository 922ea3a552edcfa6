"""That unknown names in PromQL are found: the tests of alerts and dashboards depend on it."""

import pytest

from tests.deploy.promql import unknown_names


@pytest.mark.parametrize(
    ("expression", "unknown"),
    [
        ('sum by (job, route) (rate(leadscore_request_seconds_count{status=~"5.."}[5m]))', set()),
        ("rate(leadscore_request_seconds[5m])", {"leadscore_request_seconds"}),
        ("leadscore_messages", {"leadscore_messages"}),
        ('leadscore_messages_total{outcome="accepted"}', {"outcome"}),
        ("sum by (stage) (leadscore_messages_total)", {"stage"}),
        ('leadscore_leads{stage="a=b", job="leadscore"}', set()),
        ("process_open_files / process_max_fds", {"process_open_files"}),
    ],
)
def test_names_that_no_metric_has_are_found(expression: str, unknown: set[str]) -> None:
    assert unknown_names(expression) == unknown
