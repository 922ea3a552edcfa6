"""`leadscore demo`: only for an empty, embedded database."""

from tests.api.server import run
from tests.cli.harness import one_sentence


def test_a_database_that_is_in_use_stays_as_it_is(sqlite_url: str) -> None:
    assert run(sqlite_url, "keys", "create", "--kind", "read", "--name", "reports").returncode == 0
    done = run(sqlite_url, "demo")
    assert done.returncode == 1
    assert "empty database" in one_sentence(done.stderr)


def test_postgresql_is_refused(postgres_url: str) -> None:
    done = run(postgres_url, "demo")
    assert done.returncode == 1
    assert "embedded database" in one_sentence(done.stderr)
