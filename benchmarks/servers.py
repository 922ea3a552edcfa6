"""The servers under test, each in its own process."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

LEADSCORE = [sys.executable, "-c", "from app.cli import main; main()"]
TIMEOUT_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server(NamedTuple):
    port: int
    pid: int


@contextmanager
def leadscore_server(database_url: str) -> Iterator[int]:
    with leadscore_of(Path.cwd(), database_url) as server:
        yield server.port


@contextmanager
def leadscore_of(tree: Path, database_url: str) -> Iterator[Server]:
    """A server that runs the code in a checkout."""
    port = free_port()
    environment = os.environ | {"LEADSCORE_DATABASE_URL": database_url}
    command = [*LEADSCORE, "serve", "--port", str(port)]
    with _process(command, environment, f"http://127.0.0.1:{port}/livez", tree) as pid:
        yield Server(port, pid)


@contextmanager
def baseline_server() -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-c", f"from benchmarks.baseline import main; main({port})"]
    with _process(command, dict(os.environ), f"http://127.0.0.1:{port}/openapi.json"):
        yield port


@contextmanager
def receiver() -> Iterator[int]:
    """A receiver of webhooks."""
    port = free_port()
    command = [sys.executable, "-c", f"from benchmarks.receiver import main; main({port})"]
    with _process(command, dict(os.environ), f"http://127.0.0.1:{port}/"):
        yield port


def leadscore(database_url: str, *arguments: str, tree: Path | None = None) -> str:
    """Run a leadscore command, of a checkout if one is named, and return its output."""
    environment = os.environ | {"LEADSCORE_DATABASE_URL": database_url}
    command = [*LEADSCORE, *arguments]
    completed = subprocess.run(command, env=environment, cwd=tree, check=True, capture_output=True, text=True)  # noqa: S603
    return completed.stdout.strip()


@contextmanager
def _process(command: list[str], environment: dict[str, str], url: str, folder: Path | None = None) -> Iterator[int]:
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=nowhere, stderr=nowhere)  # noqa: S603
    try:
        _wait_for(url, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait(TIMEOUT_S)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + TIMEOUT_S
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.05)
    msg = f"The server at {url} did not start."
    raise RuntimeError(msg)
