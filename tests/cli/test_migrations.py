"""`leadscore migrate`: once, and by several at once."""

from concurrent.futures import ThreadPoolExecutor

from tests.api.server import run


def test_migrate_brings_a_database_up_to_date_once(empty_postgres: str) -> None:
    said = [run(empty_postgres, "migrate") for _ in range(2)]
    assert [done.returncode for done in said] == [0, 0]
    assert [done.stdout for done in said] == [
        "The schema is now up to date.\n",
        "The schema was already up to date.\n",
    ]


def test_concurrent_migrations_run_once(empty_postgres: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda _: run(empty_postgres, "migrate"), range(3)))
    assert [(done.returncode, done.stderr) for done in said] == [(0, "")] * 3
    assert sorted(done.stdout.split()[2] for done in said) == ["is", "was", "was"]
