"""docs/recipes/nats_forwarder.py as a program, between a real leadscore and NATS, real and fake."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.server import Server
from tests.recipes.nats_servers import fake_nats, real_nats
from tests.recipes.syncing import RECIPES, ask_for_demo, end_of_feed, identify, send

nats = pytest.importorskip("nats")
TIMEOUT_S = 30


@contextmanager
def forwarding(leadscore: Server, nats_url: str, folder: Path) -> Iterator[None]:
    """The program, until it is killed at the end."""
    settings = {"URL": leadscore.url, "READ_KEY": leadscore.keys["read"], "NATS_URL": nats_url}
    settings |= {"CURSOR_FILE": str(folder / "cursor.txt")}
    command = [sys.executable, str(RECIPES / "nats_forwarder.py")]
    with subprocess.Popen(command, env=os.environ | settings) as process:
        try:
            yield
        finally:
            process.kill()


def feed_ids(leadscore: Server, after: str) -> list[str]:
    return [change["id"] for change in leadscore.ask("/v1/changes", after=after, limit="1000")["data"]]


async def test_changes_are_published_and_duplicates_dropped(leadscore: Server, tmp_path: Path) -> None:
    cursor_file, start = tmp_path / "cursor.txt", end_of_feed(leadscore)
    with real_nats(tmp_path / "nats") as url:
        async with await nats.connect(url) as connection:
            inbox = await connection.subscribe("leadscore.>")
            for message in (identify("ada@one.example"), ask_for_demo("ada@one.example")):
                cursor_file.write_text(start)  # as if the program had been killed before it saved its position
                before = end_of_feed(leadscore)
                send(leadscore, message)
                with forwarding(leadscore, url, tmp_path):
                    for change_id in feed_ids(leadscore, before):
                        received = None
                        while received != change_id:
                            published = await inbox.next_msg(timeout=TIMEOUT_S)
                            received = json.loads(published.data)["id"]
            stored = (await connection.jetstream().stream_info("LEADSCORE")).state.messages
    assert stored == len(feed_ids(leadscore, start))
    assert published.subject.startswith("leadscore.lead.")


async def test_the_position_is_saved_after_jetstream_has_stored_the_change(leadscore: Server, tmp_path: Path) -> None:
    cursor_file, start = tmp_path / "cursor.txt", end_of_feed(leadscore)
    cursor_file.write_text(start)
    send(leadscore, identify("ada@two.example"), identify("eve@two.example"))
    async with fake_nats() as fake, asyncio.timeout(TIMEOUT_S):
        fake.acknowledges = False
        with forwarding(leadscore, fake.url, tmp_path):
            await fake.wait_for_messages(1)
        assert cursor_file.read_text() == start
        fake.acknowledges = True
        expected = feed_ids(leadscore, start)
        with forwarding(leadscore, fake.url, tmp_path):
            await fake.wait_for_messages(len(expected))
    assert [*fake.messages] == expected
    assert [fake.messages[change_id] for change_id in expected] == [
        f"leadscore.{change['type']}" for change in leadscore.ask("/v1/changes", after=start)["data"]
    ]
