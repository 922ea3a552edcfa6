"""`leadscore copy`: an embedded database moves to PostgreSQL with its keys, leads and changes."""

from pathlib import Path
from typing import Any

from tests.api.server import Server, run, serving
from tests.cli.harness import one_sentence

MESSAGES = [{"userId": f"u{number % 3}", "event": "Demo Requested", "messageId": f"m{number}"} for number in range(9)]


def shown_by(server: Server) -> tuple[Any, ...]:
    """What each lead is and has, and all changes."""
    names = ("id", "stage", "stage_since", "scores", "identities", "event_count", "last_seen_at", "changed_at")
    leads = [{name: lead[name] for name in names} for lead in server.ask("/v1/leads")["data"]]
    return leads, server.ask("/v1/changes", after="0")


def test_a_server_goes_on_with_the_copy(sqlite_url: str, postgres_url: str) -> None:
    with serving(sqlite_url) as server:
        keys = server.keys
        assert {server.send("/v1/track", message).status_code for message in MESSAGES} == {200}
        before = shown_by(server)
    done = run(sqlite_url, "copy", "--to", postgres_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert dict(line.split() for line in done.stdout.splitlines()[1:-2])["events"] == "9"
    with serving(postgres_url, keys) as server:
        assert shown_by(server) == before
        assert server.send("/v1/track", MESSAGES[0]).json()["duplicates"] == 1  # its events are known


def test_mistakes_are_explained_in_a_sentence(sqlite_url: str, postgres_url: str, tmp_path: Path) -> None:
    assert one_sentence(run(sqlite_url, "copy", "--to", sqlite_url).stderr) == (
        "The source and the target are the same database."
    )
    missing = run(f"sqlite+aiosqlite:///{tmp_path / 'none.db'}", "copy", "--to", postgres_url)
    assert one_sentence(missing.stderr).startswith("There is no database at ")
    assert not (tmp_path / "none.db").exists()
