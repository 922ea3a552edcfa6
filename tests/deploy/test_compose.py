"""The compose file: valid, hardened, and in agreement with leadscore's settings, its image and the Caddyfile."""

import re
import shutil
import subprocess
from typing import Any

import pytest

from app.settings import Settings
from tests.deploy.harness import DEPLOY, DRAIN_S, ROOT, document, run, settings

COMPOSE = document(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
REPLICAS = ("leadscore-a", "leadscore-b")
VARIABLE = re.compile(r"\$\{(\w+)(?::\?[^}]*)?\}")
DURATION = re.compile(r"(\d+)(s|m)")


def variables_of_the_example() -> dict[str, str]:
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def environment(service: str) -> dict[str, str]:
    """A service's variables, with a password in place of the variable."""
    return {name: VARIABLE.sub("secret", value) for name, value in SERVICES[service]["environment"].items()}


def seconds(duration: str) -> int:
    match = DURATION.fullmatch(duration)
    assert match
    return int(match[1]) * {"s": 1, "m": 60}[match[2]]


def compose_command() -> list[str]:
    """Docker's plugin, or the program of its own. Skips the test if there is neither."""
    plugin = ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if not shutil.which("docker") or subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    return plugin


def test_compose_accepts_the_file() -> None:
    command = compose_command()
    given = {"PATH": "/usr/bin:/usr/local/bin"} | variables_of_the_example() | {"POSTGRES_PASSWORD": "secret"}
    shown = run(*command, "--file", DEPLOY / "compose.yaml", "config", env=given)
    assert "postgresql://leadscore:secret@postgres/leadscore" in shown


def test_the_example_sets_every_variable() -> None:
    named = set(VARIABLE.findall((DEPLOY / "compose.yaml").read_text()))
    assert named
    assert named - variables_of_the_example().keys() == set()


@pytest.mark.parametrize("service", [*REPLICAS, "migrate"])
def test_leadscore_gets_settings_that_exist(service: str) -> None:
    assert not settings(environment(service)).embedded


@pytest.mark.parametrize("service", REPLICAS)
def test_a_replica_has_time_to_finish_before_it_is_killed(service: str) -> None:
    given = settings(environment(service))
    enough = given.shutdown_delay_s + given.shutdown_timeout_s + DRAIN_S
    assert seconds(SERVICES[service]["stop_grace_period"]) >= enough


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_can_change_neither_its_image_nor_its_rights(service: str) -> None:
    container = SERVICES[service]
    assert container["read_only"]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "migrate"])
def test_a_service_is_restarted_and_checked(service: str) -> None:
    checked_by_the_image = service in REPLICAS and "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()
    assert SERVICES[service]["restart"] == "unless-stopped"
    assert checked_by_the_image or SERVICES[service]["healthcheck"]["test"]


def test_replicas_start_on_a_migrated_database() -> None:
    for replica in REPLICAS:
        assert SERVICES[replica]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert SERVICES["migrate"]["command"] == ["migrate"]


def test_only_the_proxy_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert COMPOSE["networks"]["database"] == {"internal": True}


def test_the_proxy_knows_every_replica_at_its_port() -> None:
    upstreams = re.findall(r"reverse_proxy (.*) \{", (DEPLOY / "Caddyfile").read_text())
    assert upstreams == [" ".join(f"{replica}:{Settings.model_fields['port'].default}" for replica in REPLICAS)]


def test_the_proxy_closes_idle_connections_first() -> None:
    [keepalive] = re.findall(r"keepalive (\S+)", (DEPLOY / "Caddyfile").read_text())
    assert seconds(keepalive) < settings(environment(REPLICAS[0])).keep_alive_s


def test_the_proxy_notices_a_stopping_replica_before_it_stops_listening() -> None:
    [interval] = re.findall(r"health_interval (\S+)", (DEPLOY / "Caddyfile").read_text())
    assert seconds(interval) < settings(environment(REPLICAS[0])).shutdown_delay_s
