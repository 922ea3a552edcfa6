"""What the tests of crm_sync.py and of each CRM do: people in leadscore change, and the recipe catches up."""

import os
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from crm_sync import Crm, RetryingTransport, client, sync_page

from tests.api.server import Server
from tests.recipes.vendors import Vendor

RECIPES = Path(__file__).parents[2] / "docs" / "recipes"
ADA, GRACE = "ada@example.com", "grace@navy.example"


def send(leadscore: Server, *messages: dict[str, Any]) -> None:
    """As a product does, with a secret key."""
    auth = (leadscore.keys["server"], "")
    httpx.post(f"{leadscore.url}/v1/batch", json={"batch": messages}, auth=auth).raise_for_status()


def identify(email: str, user_id: str | None = None, **traits: Any) -> dict[str, Any]:
    who = {"userId": user_id} if user_id else {}
    return {"type": "identify", "traits": {"email": email} | traits} | who


def ask_for_demo(email: str) -> dict[str, Any]:
    """After which the starter model's stage is `sql`, which is sales-ready."""
    return {"type": "track", "event": "Demo Requested", "context": {"traits": {"email": email}}}


def merge(user_id: str, other_id: str) -> dict[str, Any]:
    return {"type": "alias", "userId": user_id, "previousId": other_id}


def end_of_feed(leadscore: Server) -> str:
    cursor: str = leadscore.ask("/v1/changes", after="latest")["next_cursor"]
    return cursor


class Sync:
    """A recipe with its cursor, which begins at the end of the feed."""

    def __init__(self, leadscore: Server, crm: Crm, folder: Path) -> None:
        self.leadscore, self.crm = leadscore, crm
        self.cursor_file = folder / "cursor.txt"
        self.cursor_file.write_text(end_of_feed(leadscore))

    def catch_up(self) -> None:
        headers = {"Authorization": f"Bearer {self.leadscore.keys['read']}"}
        with client(self.leadscore.url, headers) as http:
            while sync_page(http, self.crm, self.cursor_file):
                pass


def check_every_interruption(sync: Sync, vendor: Vendor, restore: Callable[[], None], state: Callable[[], Any]) -> int:
    """Breaks off at each of the vendor's requests, before and after it is carried out, and starts again.

    The result must be that of an undisturbed run. `restore` puts the vendor back to what it was before the changes.
    Returns how many interruptions there were.
    """
    start = sync.cursor_file.read_text()
    vendor.requests.clear()
    sync.catch_up()
    expected, count = deepcopy(state()), len(vendor.requests)
    for number in range(count):
        for is_carried_out in (False, True):
            restore()
            sync.cursor_file.write_text(start)
            vendor.requests.clear()
            vendor.fails_at = (number, is_carried_out)
            with pytest.raises(httpx.HTTPStatusError):
                sync.catch_up()
            assert sync.cursor_file.read_text() == start
            vendor.fails_at = None
            sync.catch_up()
            assert state() == expected, (number, is_carried_out)
    return 2 * count


def command(recipe: str, *options: str, leadscore: Server, folder: Path, **settings: str) -> dict[str, Any]:
    """Arguments for `subprocess`: `python docs/recipes/…`, with nothing of the developer's environment."""
    environment = {"PATH": os.environ["PATH"], "URL": leadscore.url, "READ_KEY": leadscore.keys["read"]}
    arguments = [sys.executable, str(RECIPES / recipe), *options]
    return {"args": arguments, "env": environment | settings, "cwd": folder}


def run(recipe: str, leadscore: Server, folder: Path, **settings: str) -> None:
    once = command(recipe, "--once", leadscore=leadscore, folder=folder, **settings)
    subprocess.run(**once, timeout=60, check=True)


def record_sleeps(http: httpx.Client) -> list[float]:
    """How long a client waits from now on, instead of waiting."""
    sleeps: list[float] = []
    assert isinstance(http._transport, RetryingTransport)
    http._transport._sleep = sleeps.append
    return sleeps
