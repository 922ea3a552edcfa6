"""Copying to another database: what is read and what follows is the same there as here."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import LeadscoreError, ValidationFailed
from app.scoring.events import Event
from app.services import copies
from app.services.copies import copy_all
from app.storage.copies import TABLES, Content, used_tables
from app.storage.db import Database
from tests import databases
from tests.services.feeds import read_all
from tests.services.harness import EXAMPLES, Service, World, event, running, serving, small_model
from tests.services.histories import contested, split
from tests.services.rebuild import event_log, stored


@pytest.fixture
async def source(sqlite_url: str) -> AsyncIterator[Service]:
    async with serving(sqlite_url, small_model()) as service:
        yield service


@pytest.fixture
async def target(postgres_url: str) -> AsyncIterator[Database]:
    database = Database(postgres_url)
    yield database
    await database.close()


@pytest.fixture
def embedded(sqlite_url: str) -> Iterator[World]:
    with World(sqlite_url) as world:
        yield world


@settings(
    max_examples=max(EXAMPLES // 5, 1),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=contested(16), data=st.data())
def test_a_copy_goes_on_like_the_original(
    embedded: World,
    postgres_server: str,
    postgres_template: str,
    history: list[Event],
    data: st.DataObject,
) -> None:
    embedded.reset()
    *earlier, later = data.draw(split(history), label="batches")
    embedded.ingest(*earlier)
    with databases.postgres_database(postgres_server, postgres_template) as url:
        embedded.run(compare_with_copy(embedded.service, url, later))


async def compare_with_copy(original: Service, url: str, later: list[Event]) -> None:
    target = Database(url)
    rows = await copy_all(original.database, target)
    assert rows["events"] == len(await event_log(original.database))
    copy = Service(target, original.clock)
    async with running(copy.writer):
        assert await stored(target) == await stored(original.database)
        assert await read_all(copy.feed) == await read_all(original.feed)
        for service in (original, copy):
            await service.ingest(*later)
        assert await stored(target) == await stored(original.database)
        assert len(await read_all(copy.feed)) == len(await read_all(original.feed))
    await target.close()


async def test_a_database_in_use_is_not_copied_into(source: Service, target: Database) -> None:
    await copy_all(source.database, target)
    with pytest.raises(ValidationFailed, match=r"already has data in .*models"):
        await copy_all(source.database, target)


async def test_a_copy_that_differs_is_undone(
    source: Service, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await source.ingest(event("u1"))
    counts = iter(range(2 * len(TABLES)))

    async def content(*_: object) -> Content:
        return Content(next(counts), 0)

    monkeypatch.setattr(copies, "content", content)
    with pytest.raises(LeadscoreError, match=r"differs in .*leads"):
        await copy_all(source.database, target)
    async with target.read() as connection:
        assert await used_tables(connection) == []


async def test_postgresql_is_not_copied(source: Service, target: Database) -> None:
    with pytest.raises(ValidationFailed, match="use pg_dump"):
        await copy_all(target, source.database)
