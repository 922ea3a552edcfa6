"""The dashboard: every query names metrics that exist and parses, every metric is shown, and panels don't overlap."""

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.harness import DEPLOY, run
from tests.deploy.promql import LABELS, series_in, unknown_names

DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "leadscore.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel.get("targets", [])]
NOT_SHOWN = {"process_virtual_memory_bytes", "process_max_fds"}  # neither says how the process is doing


def family(series: str) -> str:
    """What the series of one histogram have in common."""
    for suffix in ("_bucket", "_count", "_sum"):
        series = series.removesuffix(suffix)
    return series


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    across = one["x"] < other["x"] + other["w"] and other["x"] < one["x"] + one["w"]
    down = one["y"] < other["y"] + other["h"] and other["y"] < one["y"] + one["h"]
    return across and down


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_only_metrics_that_exist(query: str) -> None:
    assert unknown_names(query) == set()


def test_promtool_parses_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m").replace("$job", ".+")}
        for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "queries.json"
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(QUERIES)} rules found" in run("promtool", "check", "rules", file)


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {family(series) for query in QUERIES for series in series_in(query)}
    assert {family(series) for series in LABELS} - shown == NOT_SHOWN


def test_every_query_can_be_limited_to_a_job() -> None:
    assert [query for query in QUERIES if 'job=~"$job"' not in query] == []


def test_every_panel_asks_the_chosen_data_source() -> None:
    asked = [part for panel in PANELS for part in (panel, *panel.get("targets", [])) if panel["type"] != "row"]
    assert {part["datasource"]["uid"] for part in asked} == {"${datasource}"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "job"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    pairs = combinations(PANELS, 2)
    assert [(a["title"], b["title"]) for a, b in pairs if overlap(a["gridPos"], b["gridPos"])] == []
    assert max(panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in PANELS) <= 24
