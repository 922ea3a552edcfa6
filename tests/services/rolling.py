"""A process that rolls out the active model and reports each chunk, to be killed midway."""

import asyncio
import sys
from uuid import UUID

from app.services.models import ActiveModels
from app.services.rollouts import roll_out
from app.storage.db import Database
from tests.services.harness import NOW

CHUNK = 100


def main(url: str, owner: str) -> None:
    asyncio.run(_roll_out(url, UUID(owner)))


async def _roll_out(url: str, owner: UUID) -> None:
    database = Database(url, pool_size=2)

    def on_chunk(leads: int, _stage_changes: object) -> bool:
        sys.stdout.write(f"{leads}\n")
        sys.stdout.flush()
        return True

    await roll_out(database, ActiveModels(), owner, lambda: NOW, CHUNK, on_chunk)
    await database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
