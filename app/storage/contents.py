"""Whether a database holds anything."""

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.tables import events, keys, leads, models, rejections


async def is_empty(connection: AsyncConnection) -> bool:
    """Whether nothing was ever stored: no model, no key, no message."""
    kept = (exists(select(table)) for table in (models, keys, leads, events, rejections))
    return not any((await connection.execute(select(*kept))).one())
