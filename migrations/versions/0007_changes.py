"""The feed of changes: one row for each transaction that changes a lead or publishes a model.

A replica of the version before records none of its changes: the feed is complete from when the last one has stopped.
"""

import sqlalchemy as sa
from alembic import op

from app.storage.sql import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "commits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.Column("last_position", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("last_position", name="uq_commits_last_position"),
    )
    unnumbered = sa.text("last_position IS NULL")
    op.create_index("ix_commits_id", "commits", ["id"], postgresql_where=unnumbered, sqlite_where=unnumbered)
    op.create_index("ix_commits_at", "commits", ["at"])
    feed = op.create_table(
        "feed",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last_position", sa.BigInteger, nullable=False),
        sa.Column("pruned_to", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(feed, [{"id": 1, "last_position": 0, "pruned_to": 0}])


def downgrade() -> None:
    op.drop_table("feed")
    op.drop_table("commits")
