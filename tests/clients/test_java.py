"""Java's own HttpClient, which Spring's RestClient uses too: it offers HTTP/2 with each first request."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.server import Server

PROGRAM = Path(__file__).with_name("Track.java")
STORED = '200 {"success":true,"accepted":1,"duplicates":0}'


@pytest.mark.skipif(shutil.which("javac") is None, reason="needs a JDK, which compiles the client")
def test_javas_http_client_sends_bodies_of_every_kind(server: Server) -> None:
    command = ["java", str(PROGRAM), server.url, server.keys["write"], "java"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == [STORED] * 8, done.stderr
    assert server.ask("/v1/leads/lookup", user_id="java")["event_count"] == 8
