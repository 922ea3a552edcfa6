"""Fixtures of the screen's tests: the application and a browser's client that is signed in."""

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from tests.api.harness import Api, running
from tests.screen.harness import Browser


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
