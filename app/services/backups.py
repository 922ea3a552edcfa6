"""Backups of an embedded database. PostgreSQL has tools of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import ValidationFailed
from app.storage.backups import copy_database
from app.storage.db import Database


async def back_up(database: Database, target: Path) -> None:
    """Write a backup that only its owner can read.

    Raises `ValidationFailed` if the database is PostgreSQL, or if the file exists or can't be created.
    """
    if database.is_postgres:
        raise ValidationFailed("`leadscore backup` copies SQLite databases: use pg_dump or base backups of PostgreSQL.")
    with _new_file(target):
        await copy_database(database, target)


@contextmanager
def _new_file(path: Path) -> Iterator[None]:
    """Create the file, and remove it if the block fails: part of a backup must not pass for one."""
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise ValidationFailed(f"{path} exists already: choose another name.") from None
    except OSError as error:
        raise ValidationFailed(f"{path} can't be written: {error.strerror}.") from None
    try:
        yield
    except BaseException:
        path.unlink()
        raise
