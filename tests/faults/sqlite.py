"""Faults of the embedded database: its file and its disk."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from tests.faults.site import Site


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Another process writes to the file, and takes its time."""
    with closing(sqlite3.connect(site.file, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def full(site: Site) -> Iterator[None]:
    """The disk has no space left, so that the file can't grow."""
    filler = site.file.with_name("filler")
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    yield
    filler.unlink()
