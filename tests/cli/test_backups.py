"""`leadscore backup`: complete, also while a server writes; nothing is overwritten, and nothing is migrated."""

import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from app.storage.db import Database
from tests import databases
from tests.api.server import run, serving
from tests.cli.harness import one_sentence


def message(number: int) -> dict[str, str]:
    return {"userId": f"u{number}", "event": "Liked", "messageId": f"m{number}"}


def query(url: str, statement: str) -> object:
    """The first value of the first row."""

    async def execute() -> object:
        database = Database(url)
        try:
            async with database.read() as connection:
                return (await connection.execute(text(statement))).scalar()
        finally:
            await database.close()

    return databases.run(execute())


def test_a_backup_has_all_that_was_acknowledged_before_it_began(sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with serving(sqlite_url) as server, ThreadPoolExecutor(1) as pool:
        acknowledged = [server.send("/v1/track", message(number)).status_code for number in range(20)]
        done = pool.submit(run, sqlite_url, "backup", str(copy))
        sent = 20
        while not done.done():  # the server goes on writing
            acknowledged.append(server.send("/v1/track", message(sent)).status_code)
            sent += 1
    assert (done.result().returncode, done.result().stderr) == (0, "")
    assert acknowledged == [200] * sent
    url = f"sqlite+aiosqlite:///{copy}"
    assert query(url, "PRAGMA integrity_check") == "ok"
    stored = query(url, "SELECT count(*) FROM events")
    assert isinstance(stored, int)
    assert 20 <= stored <= sent
    with serving(url, {}) as restored:
        assert restored.process.poll() is None


def test_a_backup_is_readable_by_its_owner_alone(sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    done = run(sqlite_url, "backup", str(copy))
    assert done.stdout == f"{copy} has {copy.stat().st_size:,} bytes.\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_file_is_never_overwritten(sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("precious")
    done = run(sqlite_url, "backup", str(copy))
    assert (done.returncode, one_sentence(done.stderr)) == (1, f"{copy} exists already: choose another name.")
    assert copy.read_text() == "precious"


def test_a_folder_that_does_not_exist_is_named(sqlite_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "missing" / "copy.db"
    done = run(sqlite_url, "backup", str(copy))
    assert one_sentence(done.stderr) == f"{copy} can't be written: No such file or directory."


def test_an_older_schema_is_copied_as_it_is(tmp_path: Path) -> None:
    database, copy = tmp_path / "old.db", tmp_path / "copy.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE from_long_ago (id INTEGER)")
    assert run(f"sqlite:///{database}", "backup", str(copy)).returncode == 0
    assert query(f"sqlite+aiosqlite:///{copy}", "SELECT group_concat(name) FROM sqlite_master") == "from_long_ago"


def test_a_failed_backup_leaves_no_file(sqlite_url: str, tmp_path: Path) -> None:
    database, copy = Path(sqlite_url.partition(":///")[2]), tmp_path / "copy.db"
    database.write_bytes(os.urandom(8192))
    assert run(sqlite_url, "backup", str(copy)).returncode == 1
    assert not copy.exists()


def test_on_postgresql_its_own_tools_are_named(postgres_url: str, tmp_path: Path) -> None:
    done = run(postgres_url, "backup", str(tmp_path / "copy.db"))
    assert done.returncode == 1
    assert "pg_dump" in one_sentence(done.stderr)
    assert not (tmp_path / "copy.db").exists()


def test_a_missing_database_is_not_created(
    say: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADSCORE_DATABASE_URL", f"sqlite:///{tmp_path / 'missing.db'}")
    assert "There is no database at" in say("backup", str(tmp_path / "copy.db"))
    assert list(tmp_path.iterdir()) == []
