"""`leadscore demo`: only for an empty, embedded database."""

import pytest

from app.cli.demo import fill
from app.settings import Settings
from tests.api.server import run
from tests.cli.harness import one_sentence


def test_a_database_that_is_in_use_stays_as_it_is(sqlite_url: str) -> None:
    assert run(sqlite_url, "keys", "create", "--kind", "read", "--name", "reports").returncode == 0
    done = run(sqlite_url, "demo")
    assert done.returncode == 1
    assert "empty database" in one_sentence(done.stderr)


def test_without_a_terminal_a_line_says_what_is_being_done_before_it_is_done(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(Settings(database_url=sqlite_url), visitors=6, leads=2)
    printed = capsys.readouterr()
    assert printed.err == "Inventing 90 days of 6 visitors …\n"
    assert printed.out.endswith("messages of 6 invented visitors; 2 of them left an address.\n")


def test_postgresql_is_refused(postgres_url: str) -> None:
    done = run(postgres_url, "demo")
    assert done.returncode == 1
    assert "embedded database" in one_sentence(done.stderr)
