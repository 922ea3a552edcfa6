"""PostgreSQL keeps the plans of routine transactions: they must suit tables of any size."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.services.ingest import store
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


async def _rows_read(connection: AsyncConnection) -> int:
    return int((await connection.execute(ROWS_READ)).scalar_one())
