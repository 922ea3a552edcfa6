"""PostgreSQL keeps the plans of routine transactions and single reads: they must suit tables of any size."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Identity
from app.services.ingest import store
from app.storage import present as present_store
from app.storage.db import driver_of
from tests.services.harness import NOW, Service, event, serving, small_model

ROWS_READ = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")


async def test_a_commit_reads_as_many_rows_as_before_the_tables_grew(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        before = [await rows_read_by_a_commit(service) for _ in range(3)]
        await service.ingest(*(event(f"user-{number}", f"anonymous-{number}") for number in range(1_000)))
        assert await rows_read_by_a_commit(service) == before[-1]


async def rows_read_by_a_commit(service: Service) -> int:
    async with service.database.write(routine=True) as connection:
        earlier = await _rows_read(connection)
        await store(connection, service.models, [event("u1", "a1")], NOW)
        return await _rows_read(connection) - earlier


async def test_a_read_of_a_lead_reads_as_many_rows_as_before_the_tables_grew(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as service:
        await service.ingest(event("u1", "a1"))
        async with service.database.read_once() as connection:
            await driver_of(connection).execute("ANALYZE")  # for so few leads, a scan is the best plan
            before = [await rows_read_by_a_read(connection) for _ in range(3)]
            await service.ingest(*(event(f"user-{number}", f"anonymous-{number}") for number in range(1_000)))
            assert await rows_read_by_a_read(connection) == before[-1]


async def rows_read_by_a_read(connection: AsyncConnection) -> int:
    await driver_of(connection).execute("BEGIN")  # so that rows are counted, but with the settings of a single read
    earlier = await _rows_read(connection)
    assert await present_store.get(connection, Identity("user_id", "u1"))
    rows = await _rows_read(connection) - earlier
    await driver_of(connection).execute("ROLLBACK")
    return rows


async def _rows_read(connection: AsyncConnection) -> int:
    return int((await connection.execute(ROWS_READ)).scalar_one())
