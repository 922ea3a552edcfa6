"""Fixtures of the command line's tests: a model in a file, a database without a schema, the command in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from app.cli import main
from tests.cli.harness import MODEL
from tests.databases import postgres_database


@pytest.fixture
def empty_postgres(postgres_server: str) -> Iterator[str]:
    with postgres_database(postgres_server) as url:
        yield url


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.yaml"
    file.write_text(MODEL)
    return file


@pytest.fixture(autouse=True)
def logs_end_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command configures the logs of its process, for good. Later tests would log to this one's captured stream."""
    configure = structlog.configure
    uncached = {"cache_logger_on_first_use": False}
    monkeypatch.setattr(structlog, "configure", lambda **options: configure(**options | uncached))
    yield
    structlog.reset_defaults()


@pytest.fixture
def run(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., str]:
    """`leadscore …` in this process, on an embedded database: what it prints."""
    monkeypatch.setenv("LEADSCORE_DATABASE_URL", sqlite_url.replace("+aiosqlite", ""))

    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["leadscore", *arguments])
        with pytest.raises(SystemExit):
            main()
        said = capsysbinary.readouterr()
        return (said.out + said.err).decode()

    return run


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`leadscore …` in this process, for what needs no database: what it says on standard error as it fails."""

    def fail(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["leadscore", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert (end.value.code, said.out) == (1, "")
        return said.err

    return fail
