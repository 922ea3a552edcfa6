"""Moving an embedded database to another one: to PostgreSQL, when it has outgrown one file."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import LeadscoreError, ValidationFailed
from app.storage.copies import TABLES, Content, content, copy_rows, used_tables
from app.storage.db import Database
from app.storage.migrations import check_schema, migrate


async def copy_all(source: Database, target: Database) -> dict[str, int]:
    """Copy an embedded database in one transaction, and compare every row. Nobody can write to it meanwhile.

    Returns how many rows each table has.

    Raises `ValidationFailed` if the source is PostgreSQL or the target is in use, `SchemaOutdated` if the source's
    schema is not this version's.
    """
    if source.is_postgres:
        raise ValidationFailed("`leadscore copy` reads SQLite databases: use pg_dump and pg_restore for PostgreSQL.")
    await check_schema(source)
    await migrate(target)
    async with source.write() as reading, target.write() as writing:
        await _check_unused(writing)
        await copy_rows(reading, writing)
        before, after = await _contents(reading), await _contents(writing)
        if changed := [name for name in before if before[name] != after[name]]:
            raise LeadscoreError(f"The copy differs in {', '.join(changed)}, so it was undone: please report this.")
    return {name: each.rows for name, each in after.items()}


async def _check_unused(connection: AsyncConnection) -> None:
    if used := await used_tables(connection):
        raise ValidationFailed(f"The target already has data in {', '.join(used)}: name an empty database.")


async def _contents(connection: AsyncConnection) -> dict[str, Content]:
    return {table.name: await content(connection, table) for table in TABLES}
