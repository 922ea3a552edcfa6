"""The alert rules: each fires when it should, names only metrics that exist, and agrees with docs/operations.md."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.api import forms, ingest
from app.settings import Settings
from tests.deploy.harness import DEPLOY, ROOT, document, run
from tests.deploy.promql import series_in, unknown_names

RULES = DEPLOY / "prometheus" / "alerts.yaml"
ALERTS: dict[str, Any] = {rule["alert"]: rule for group in document(RULES)["groups"] for rule in group["rules"]}
CASES = document(Path(__file__).with_name("alert_cases.yaml"))
DOCUMENTED = re.compile(r"^\| `(\w+)`[ *]*\|[^|]*\| (.*) \|$", re.MULTILINE)
SUFFIX = re.compile(r"_(bucket|count|sum)$")


def rules_without_annotations(path: Path) -> None:
    """Write the rules without their texts, which promtool would compare as well."""
    rules = document(RULES)
    for group in rules["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]
    path.write_text(json.dumps(rules))


def with_job(series: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{job="leadscore", {labels or "}"}'


def expectation(alert: str, moment: str, firing: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What promtool expects of one alert at one moment."""
    labels = {"job": "leadscore"} | ALERTS[alert]["labels"] | firing.get(alert, {})
    return {"eval_time": moment, "alertname": alert, "exp_alerts": [{"exp_labels": labels}] if alert in firing else []}


def promtool_test(case: dict[str, Any]) -> dict[str, Any]:
    interval = case.get("interval", "1m")
    series = [{"series": with_job(name), "values": values} for name, values in case["series"].items()]
    expected = [expectation(alert, moment, firing) for moment, firing in case["fires"].items() for alert in ALERTS]
    test = {"interval": interval, "input_series": series, "alert_rule_test": expected}
    return {"evaluation_interval": interval, "tests": [test]}


def test_promtool_accepts_the_rules() -> None:
    assert "SUCCESS" in run("promtool", "check", "rules", RULES)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_alerts_fire_when_they_should(case: dict[str, Any], tmp_path: Path) -> None:
    rules_without_annotations(tmp_path / "rules.json")
    tests = tmp_path / "tests.json"
    tests.write_text(json.dumps({"rule_files": ["rules.json"]} | promtool_test(case)))
    run("promtool", "test", "rules", tests)


def test_every_alert_fires_in_some_case() -> None:
    assert ALERTS.keys() - {alert for case in CASES for firing in case["fires"].values() for alert in firing} == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_names_only_metrics_that_exist(alert: str) -> None:
    assert unknown_names(ALERTS[alert]["expr"]) == set()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_names_only_metrics_that_exist(case: dict[str, Any]) -> None:
    assert [name for name in case["series"] if not name.startswith("up{") and unknown_names(name)] == []


def test_every_documented_alert_has_a_rule() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    documented = {metric for metric, alert in DOCUMENTED.findall(page) if alert.strip()}
    watched = {SUFFIX.sub("", name) for rule in ALERTS.values() for name in series_in(rule["expr"])}
    assert len(documented) > 10
    assert documented - watched == set()
    assert watched - documented == {"process_max_fds"}  # what process_open_fds is compared with


def test_the_routes_of_slow_ingestion_are_those_that_ingest() -> None:
    [pattern] = re.findall(r'route=~"([^"]*)"', ALERTS["LeadscoreIngestionSlow"]["expr"])
    forms_routes = {route.path for route in forms.make_router().routes if hasattr(route, "path")}
    ingesting = {route.path for route in ingest.make_routes()} | forms_routes
    assert [path for path in ingesting if not re.fullmatch(pattern, path)] == []
    assert not re.fullmatch(pattern, "/v1/changes")


def test_the_queue_is_filling_when_it_is_half_full() -> None:
    limit = Settings.model_fields["queue_messages"].default / 2
    assert f"leadscore_queue_messages > {limit:.0f} " in ALERTS["LeadscoreQueueFilling"]["expr"] + " "
