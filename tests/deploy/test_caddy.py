"""Caddy with our Caddyfile in front of two servers: what it passes on, what it keeps from the world, and restarts."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from tests.api.server import Server, make_keys, serving
from tests.deploy.harness import DEPLOY, run

SITE = "http://leads.example.com"
UPSTREAMS = ("leadscore-a:8000", "leadscore-b:8000")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
        return port


def configuration(address: str, *servers: Server) -> dict[str, Any]:
    """Our Caddyfile as Caddy reads it, without TLS, at this address, and with these servers as the replicas."""
    environment = os.environ | {"DOMAIN": SITE}
    read = run("caddy", "adapt", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile", env=environment)
    for upstream, server in zip(UPSTREAMS, servers, strict=True):
        assert upstream in read
        read = read.replace(upstream, server.url.removeprefix("http://"))
    config: dict[str, Any] = json.loads(read)
    config["admin"] = {"disabled": True}
    config["apps"]["http"]["servers"]["srv0"] |= {"listen": [address], "automatic_https": {"disable": True}}
    return config


@contextmanager
def proxy(*servers: Server) -> Iterator[httpx.Client]:
    """A client of Caddy in front of these servers."""
    with TemporaryDirectory(prefix="ls-") as folder:
        address, file = f"127.0.0.1:{free_port()}", Path(folder) / "caddy.json"
        file.write_text(json.dumps(configuration(address, *servers)))
        environment = os.environ | {"XDG_DATA_HOME": folder, "XDG_CONFIG_HOME": folder}
        command = ["caddy", "run", "--config", str(file)]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as caddy:
            try:
                assert caddy.stderr is not None
                assert any("serving initial configuration" in line for line in caddy.stderr)
                host = {"Host": httpx.URL(SITE).host}
                with httpx.Client(base_url=f"http://{address}", headers=host, timeout=30) as client:
                    yield client
            finally:
                caddy.kill()


@pytest.fixture
def replicas(postgres_url: str) -> Iterator[tuple[Server, Server]]:
    run("caddy", "version")
    keys = make_keys(postgres_url)
    with serving(postgres_url, keys, shutdown_delay_s=3) as one, serving(postgres_url, keys) as other:
        yield one, other


def test_caddy_accepts_the_caddyfile() -> None:
    environment = os.environ | {"DOMAIN": "leads.example.com"}
    run("caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile", env=environment)


def test_requests_pass_but_those_of_operators_do_not(replicas: tuple[Server, Server]) -> None:
    with proxy(*replicas) as client:
        assert client.get("/openapi.json").status_code == 200
        sent = client.post("/v1/track", json={"userId": "u1", "event": "Liked"}, auth=(replicas[0].keys["write"], ""))
        assert sent.json()["accepted"] == 1
        for path in ("/metrics", "/livez", "/readyz"):
            variants = (path, f"/{path}", f"//{path}", f"/%{ord(path[1]):x}{path[2:]}", f"{path}?x=1", f"/.{path}")
            more = (f"{path}/", f"/v1/..{path}", path.upper())
            origin = str(client.base_url).rstrip("/")  # whole URLs: httpx takes what follows `//` for a host
            answers = [client.get(origin + variant) for variant in (*variants, *more)]
            assert [(answer.status_code, "leadscore_" in answer.text) for answer in answers] == [(404, False)] * 9


def test_browsers_are_sent_back_to_the_proxy(replicas: tuple[Server, Server]) -> None:
    with proxy(*replicas) as client:
        answer = client.get(f"/v1/projects/{replicas[0].keys['write']}/settings")
        assert answer.json()["integrations"]["Segment.io"]["apiHost"].startswith("leads.example.com")


def test_a_replica_that_stops_fails_no_request(replicas: tuple[Server, Server]) -> None:
    stopping, remaining = replicas
    with proxy(*replicas) as client, ThreadPoolExecutor(1) as pool:
        answers = []
        stopped = pool.submit(stopping.stop)
        while not stopped.done():
            message = {"userId": "u1", "event": "Liked"}
            answers.append(client.post("/v1/track", json=message, auth=(stopping.keys["write"], "")))
        answers.append(client.get("/openapi.json"))
    assert {answer.status_code for answer in answers} == {200}
    assert remaining.ask("/v1/leads/lookup", user_id="u1")["event_count"] == len(answers) - 1
