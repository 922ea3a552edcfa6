"""`leadscore webhooks …`: create, list, test, rotate, disable, replay; and `leadscore worker`, which delivers."""

import asyncio
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest

from tests.api.server import COMMAND, environment, serving
from tests.cli.harness import one_sentence
from tests.webhooks.receivers import Receiver, always, receiving

HOST = "127.0.0.1"
PUBLIC_URL = "https://8.8.8.8/hook"
ID = re.compile(r"^[0-9a-f-]{36}", re.MULTILINE)


def webhooks(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`leadscore webhooks …` to its end, with receivers on this machine allowed."""
    command = [COMMAND, "webhooks", *arguments]
    env = environment(url, webhook_hosts=HOST)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def create(url: str, target: str = PUBLIC_URL, *options: str) -> str:
    """The id of a new webhook."""
    secret = one_sentence(webhooks(url, "create", target, *options).stdout)
    assert secret.startswith("whsec_")
    latest: str = ID.findall(webhooks(url, "list").stdout)[-1]
    return latest


def test_a_webhook_is_listed_with_what_it_wants_and_whether_it_works(sqlite_url: str) -> None:
    webhook = create(
        sqlite_url, PUBLIC_URL, "--type", "lead.stage_changed", "--to", "sql", "--direction", "up", "--thin"
    )
    assert f"{webhook}  {PUBLIC_URL}  lead.stage_changed, to sql, up, thin  ok\n" in webhooks(sqlite_url, "list").stdout
    assert webhooks(sqlite_url, "disable", webhook).stdout == "Disabled.\n"
    assert "disabled: It was disabled by hand." in webhooks(sqlite_url, "list").stdout
    assert webhooks(sqlite_url, "enable", webhook).stdout == "Enabled.\n"
    assert webhooks(sqlite_url, "delete", webhook).stdout == "Deleted.\n"
    assert ID.findall(webhooks(sqlite_url, "list").stdout) == []


def test_a_threshold_is_listed(sqlite_url: str) -> None:
    create(sqlite_url, PUBLIC_URL, "--type", "lead.score_changed", "--score", "engagement", "--band", "hot")
    assert "lead.score_changed, engagement across hot  ok\n" in webhooks(sqlite_url, "list").stdout


def test_a_rotated_secret_is_printed(sqlite_url: str) -> None:
    webhook = create(sqlite_url)
    secrets = {one_sentence(webhooks(sqlite_url, "rotate", webhook).stdout) for _ in range(2)}
    assert len(secrets) == 2


async def test_a_test_shows_the_answer_and_can_be_replayed(sqlite_url: str) -> None:
    async with receiving(always("500 Oh", b"no")) as receiver:
        webhook = await asyncio.to_thread(create, sqlite_url, f"http://{HOST}:{receiver.port}/")
        done = await asyncio.to_thread(webhooks, sqlite_url, "test", webhook)
    assert (done.stdout, done.returncode) == ("500 no\n", 1)
    assert "webhook.test  dead   1         500 no" in webhooks(sqlite_url, "deliveries", "--state", "dead").stdout
    assert webhooks(sqlite_url, "replay", "--dry-run").stdout == "1 delivery would be sent again.\n"
    assert webhooks(sqlite_url, "replay", "--webhook", webhook).stdout == "1 delivery will be sent again.\n"
    assert webhooks(sqlite_url, "replay").stdout == "0 deliveries will be sent again.\n"


WRONG = {
    ("create", "https://10.0.0.1/"): "not public",
    ("create", "nonsense"): "URL: ",
    ("create", PUBLIC_URL, "--type", "nonsense"): "--type: must be 'lead.created'",
    ("create", PUBLIC_URL, "--to", "nonsense"): "--to: unknown stage; expected one of: interest",
    ("create", PUBLIC_URL, "--at-least", "0"): "--score: is missing",
    ("create", PUBLIC_URL, "--score", "engagement"): "--score: must have either `--at-least` or `--band`",
    (
        "create",
        PUBLIC_URL,
        "--type",
        "lead.merged",
        "--direction",
        "up",
    ): "--direction: restricts changes of stages, and",
    ("create", PUBLIC_URL, "--type", "lead.merged", "--to", "sql"): "add lead.stage_changed to `--type`",
    ("test", str(uuid4())): "There is no webhook",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_mistake_is_one_sentence(sqlite_url: str, arguments: tuple[str, ...]) -> None:
    done = webhooks(sqlite_url, *arguments)
    assert done.returncode == 1
    assert WRONG[arguments] in one_sentence(done.stderr)


@contextmanager
def working(url: str) -> Iterator[str]:
    """`leadscore worker` on a free port, whose URL it prints; it has to stop by itself."""
    command, env = [COMMAND, "worker", "--port", "0"], environment(url, webhook_hosts=HOST)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        match = re.search(r"http://\S+", process.stdout.readline())
        assert match
        yield match[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


async def test_a_worker_delivers_what_a_server_without_workers_leaves(sqlite_url: str) -> None:
    async with receiving(always("200 OK")) as receiver:
        await asyncio.to_thread(create, sqlite_url, f"http://{HOST}:{receiver.port}/")
        arrived = receiver.next_request()
        await asyncio.to_thread(serve_and_work, sqlite_url, receiver)
        assert b"lead.stage_changed" in await arrived


def serve_and_work(url: str, receiver: Receiver) -> None:
    with serving(url, None, "--no-workers") as server:
        assert server.send("/v1/track", {"event": "Demo Requested", "userId": "u1"}).json()["success"]
        assert httpx.get(f"{server.url}/metrics").text.count("leadscore_webhook_pending_deliveries 0.0") == 1
    assert receiver.requests == []
    with working(url) as worker:
        assert httpx.get(f"{worker}/readyz").status_code == 200
        assert httpx.get(f"{worker}/v1/leads").status_code == 404
        while not receiver.requests:
            httpx.get(f"{worker}/livez")
