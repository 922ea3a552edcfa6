"""Fixtures of the screen's tests: the application and a browser's client that is signed in."""

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from app.demo.story import begins_at, invent
from app.services.demo import SetClock, replay
from app.services.runtime import Runtime
from app.settings import Settings
from tests import databases
from tests.api.harness import Api, running
from tests.screen.harness import Browser
from tests.services.harness import Clock

DEMO_NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)


@pytest.fixture
async def api(sqlite_url: str) -> AsyncIterator[Api]:
    async with running(sqlite_url, working=False) as api:
        yield api


@pytest.fixture
async def browser(api: Api) -> Browser:
    """Signed in with the read key."""
    browser = Browser(api)
    await browser.sign_in("read")
    return browser


@pytest.fixture
async def admin(api: Api) -> Browser:
    browser = Browser(api)
    await browser.sign_in("admin")
    return browser


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]):
        yield


@pytest.fixture(scope="session")
def demo_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a small part of the demo data, to copy."""
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("demo") / "demo.db"))
    databases.run(fill(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture
async def demo(demo_template: Path, tmp_path: Path) -> AsyncIterator[Api]:
    """The application on the demo data, at the moment that they end."""
    path = shutil.copy(demo_template, tmp_path / "demo.db")
    async with running(f"sqlite+aiosqlite:///{path}", Clock(DEMO_NOW), working=False) as api:
        yield api


async def fill(url: str) -> None:
    clock = SetClock(begins_at(DEMO_NOW))
    runtime = Runtime(Settings(database_url=url), clock)
    await runtime.start()
    await replay(runtime, clock, invent(DEMO_NOW, visitors=150, leads=80))
    await runtime.stop()
