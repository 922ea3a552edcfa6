"""Tallies are now stored as runs of days. They are short, so PostgreSQL stores them uncompressed.

Older tallies are read as they are, and rewritten when their leads next change. The previous version can't read what
this one writes, and answers requests for these leads, and their events, with 500: stop all its replicas first.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.storage.sql import Id

revision = "0018"
down_revision = "0017"

CHUNK = 1_000
LEADS = sa.table("leads", sa.column("id", Id), sa.column("tally", sa.JSON))
SUMMARIES = sa.table("summaries", sa.column("identity", sa.String), sa.column("facts", sa.JSON))


def upgrade() -> None:
    _store_tallies("EXTERNAL")


def downgrade() -> None:
    _store_tallies("EXTENDED")
    for chunk in _chunks(LEADS, LEADS.c.id):
        _update(LEADS, LEADS.c.id, [{"key": row.id, "tally": _by_day(row.tally)} for row in chunk])
    for chunk in _chunks(SUMMARIES, SUMMARIES.c.identity):
        rows = [{"key": row.identity, "facts": {**row.facts, "tally": _by_day(row.facts["tally"])}} for row in chunk]
        _update(SUMMARIES, SUMMARIES.c.identity, rows)


def _store_tallies(how: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE leads ALTER COLUMN tally SET STORAGE {how}")


def _chunks(table: sa.TableClause, key: sa.ColumnElement[Any]) -> Iterator[list[Any]]:
    query = sa.select(table).order_by(key).limit(CHUNK)
    rows = op.get_bind().execute(query).all()
    while rows:
        yield list(rows)
        rows = op.get_bind().execute(query.where(key > rows[-1][0])).all()


def _update(table: sa.TableClause, key: sa.ColumnElement[Any], rows: list[dict[str, Any]]) -> None:
    changed: dict[str, Any] = {name: sa.bindparam(name) for name in rows[0] if name != "key"}
    op.get_bind().execute(sa.update(table).where(key == sa.bindparam("key")).values(changed), rows)


def _by_day(tally: dict[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
    return {
        fingerprint: dict(day for run in runs.items() for day in _days(*run)) for fingerprint, runs in tally.items()
    }


def _days(first: str, hits: list[int] | int) -> Iterator[tuple[str, int]]:
    for offset, each in enumerate([hits] if isinstance(hits, int) else hits):
        if each:
            yield (date.fromisoformat(first) + timedelta(days=offset)).isoformat(), each
