"""The servers under test, each in its own process."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

LEADSCORE = [sys.executable, "-c", "from app.cli import main; main()"]
TIMEOUT_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def leadscore_server(database_url: str) -> Iterator[int]:
    port = free_port()
    environment = os.environ | {"LEADSCORE_DATABASE_URL": database_url}
    with _process([*LEADSCORE, "serve", "--port", str(port)], environment, f"http://127.0.0.1:{port}/livez"):
        yield port


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


def leadscore(database_url: str, *arguments: str) -> str:
    """Run a leadscore command and return its output."""
    environment = os.environ | {"LEADSCORE_DATABASE_URL": database_url}
    completed = subprocess.run([*LEADSCORE, *arguments], env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    return completed.stdout.strip()


@contextmanager
def _process(command: list[str], environment: dict[str, str], url: str) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        _wait_for(url, process)
        yield
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
