"""The manifests: valid, hardened, and in agreement with each other and with leadscore's settings and routes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings
from tests.deploy.harness import DEPLOY, DRAIN_S, documents, run, settings

FOLDER = DEPLOY / "kubernetes"
[KUSTOMIZATION] = documents(FOLDER / "base" / "kustomization.yaml")
MANIFESTS = [manifest for file in KUSTOMIZATION["resources"] for manifest in documents(FOLDER / "base" / file)]
[INGRESS] = documents(FOLDER / "example" / "ingress.yaml")
OPERATIONS = {"/livez", "/readyz", "/metrics"}
POSTGRES_CONNECTIONS = 97
"""What PostgreSQL allows by default, without those that it keeps for superusers."""


def find(kind: str, name: str = "leadscore") -> dict[str, Any]:
    [manifest] = [each for each in MANIFESTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    spec: dict[str, Any] = manifest["spec"]
    return spec


API, WORKER, MIGRATION = find("Deployment"), find("Deployment", "leadscore-worker"), find("Job", "leadscore-migration")
SERVERS = [pytest.param(API, id="api"), pytest.param(WORKER, id="worker")]
WORKLOADS = [*SERVERS, pytest.param(MIGRATION, id="migration")]


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["template"]["spec"]
    return spec


def container(workload: dict[str, Any]) -> dict[str, Any]:
    only: dict[str, Any]
    [only] = pod(workload)["containers"]
    return only


def environment(workload: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(workload).get("env", [])}


def paths() -> set[str]:
    """All paths that leadscore serves, with the documentation's."""
    document = create_app(Settings(database_url="sqlite:///unused.db")).openapi()
    return {*document["paths"], "/openapi.json", "/docs"}


def is_routed(path: str) -> bool:
    """Whether the example's Ingress passes a path on."""
    [rule] = INGRESS["spec"]["rules"]
    prefixes = [each["path"] for each in rule["http"]["paths"] if each["pathType"] == "Prefix"]
    exact = [each["path"] for each in rule["http"]["paths"] if each["pathType"] == "Exact"]
    return path in exact or any(f"{path}/".startswith(f"{prefix}/") for prefix in prefixes)


@pytest.mark.parametrize("folder", ["base", "example"])
def test_kubernetes_accepts_the_manifests(folder: str, tmp_path: Path) -> None:
    copy = shutil.copytree(FOLDER, tmp_path / "kubernetes")
    shutil.copy(copy / "example" / "leadscore.env.example", copy / "example" / "leadscore.env")
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(run("kubectl", "kustomize", copy / folder))
    run("kubernetes-validate", "--strict", "--no-warn", "--quiet", rendered)
    assert len(documents(rendered)) >= len(MANIFESTS)


def test_every_manifest_is_part_of_the_base() -> None:
    files = {file.name for file in (FOLDER / "base").glob("*.yaml")}
    assert files - {"kustomization.yaml"} == set(KUSTOMIZATION["resources"])


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_pod_meets_the_restricted_standard_on_a_read_only_root(workload: dict[str, Any]) -> None:
    context, limits = pod(workload)["securityContext"], container(workload)["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 10001)
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert limits == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount["mountPath"] for mount in container(workload)["volumeMounts"]] == ["/data"]
    assert pod(workload)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_pod_gets_only_settings_that_exist(workload: dict[str, Any]) -> None:
    assert pod(workload)["enableServiceLinks"] is False
    assert container(workload)["envFrom"] == [{"secretRef": {"name": "leadscore"}}]
    settings(environment(workload))


def test_the_example_names_the_database_as_settings_do() -> None:
    lines = (FOLDER / "example" / "leadscore.env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines).items()
    assert not settings({name: value.replace("PASSWORD@HOST", "secret@host") for name, value in given}).embedded


@pytest.mark.parametrize("workload", SERVERS)
def test_a_pod_has_time_to_finish_before_it_is_killed(workload: dict[str, Any]) -> None:
    given = settings(environment(workload))
    enough = given.shutdown_delay_s + given.shutdown_timeout_s + DRAIN_S
    assert pod(workload)["terminationGracePeriodSeconds"] >= enough


@pytest.mark.parametrize("workload", SERVERS)
def test_probes_ask_the_served_paths_at_the_served_port(workload: dict[str, Any]) -> None:
    server = container(workload)
    probes = {name: server[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    assert {probe["port"] for probe in probes.values()} == {"http"}
    assert server["ports"] == [{"name": "http", "containerPort": Settings.model_fields["port"].default}]


@pytest.mark.parametrize("workload", SERVERS)
def test_prometheus_is_sent_to_the_metrics(workload: dict[str, Any]) -> None:
    annotations = workload["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] in OPERATIONS & paths()
    assert annotations["prometheus.io/port"] == str(container(workload)["ports"][0]["containerPort"])


def test_the_api_leaves_the_background_work_to_the_worker() -> None:
    assert "--no-workers" in container(API)["args"]
    assert container(WORKER)["args"][0] == "worker"
    assert container(MIGRATION)["args"] == ["migrate"]


def test_requests_go_to_the_api_alone() -> None:
    assert find("Service")["selector"] == API["template"]["metadata"]["labels"]
    assert find("Service")["selector"] != WORKER["template"]["metadata"]["labels"]


def test_one_pod_at_a_time_is_evicted() -> None:
    for name, workload in (("leadscore", API), ("leadscore-worker", WORKER)):
        budget = find("PodDisruptionBudget", name)
        assert budget["selector"]["matchLabels"] == workload["template"]["metadata"]["labels"]
        assert budget["maxUnavailable"] == 1


def test_there_are_never_more_connections_than_postgresql_allows() -> None:
    replicas = [find("HorizontalPodAutoscaler")["maxReplicas"], WORKER["replicas"]]
    surges = [workload["strategy"]["rollingUpdate"]["maxSurge"] for workload in (API, WORKER)]
    assert sum(replicas + surges) * Settings.model_fields["pool_size"].default <= POSTGRES_CONNECTIONS


def test_the_autoscaler_keeps_two_replicas_of_the_api() -> None:
    scaler = find("HorizontalPodAutoscaler")
    assert scaler["minReplicas"] == 2
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "leadscore"}
    assert "replicas" not in API


def test_the_ingress_routes_every_path_but_those_of_operators() -> None:
    assert {path for path in paths() if not is_routed(path)} == OPERATIONS
