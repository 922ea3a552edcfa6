"""Fixtures of the screen's tests: the application and a browser's client that is signed in."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright
from structlog.testing import capture_logs

from tests import databases
from tests.api.harness import Api, running
from tests.screen.chromium import CHROMIUM, FLAGS, sign_in
from tests.screen.demo import DEMO_NOW, fill
from tests.screen.harness import Browser
from tests.screen.site import Site, serving
from tests.services.harness import Clock


@pytest.fixture
async def api(sqlite_url: str) -> AsyncIterator[Api]:
    async with running(sqlite_url, working=False) as api:
        yield api


@pytest.fixture
async def browser(api: Api) -> Browser:
    """Signed in with the read key."""
    return await Browser.signed_in(api, "read")


@pytest.fixture
async def admin(api: Api) -> Browser:
    return await Browser.signed_in(api, "admin")


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


# --- In Chromium ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def site(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all tests with a real browser."""
    path = shutil.copy(demo_template, tmp_path_factory.mktemp("site") / "site.db")
    with serving(f"sqlite+aiosqlite:///{path}") as site:
        yield site


@pytest.fixture(scope="module")
def chromium(site: Site) -> Iterator[Chromium]:
    """For a module, not longer: as long as Playwright runs, no coroutine can, neither a test's nor the site's."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@pytest.fixture(scope="module")
def cookies(site: Site, chromium: Chromium) -> Any:
    """What a browser keeps that is signed in with the admin key."""
    context = chromium.new_context()
    sign_in(context.new_page(), site)
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def context(chromium: Chromium, cookies: Any, site: Site) -> Iterator[BrowserContext]:
    """A signed-in browser that starts on the site, at 1280 × 900."""
    context = chromium.new_context(
        storage_state=cookies, base_url=site.url, viewport={"width": 1280, "height": 900}, timezone_id="Asia/Tokyo"
    )
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
