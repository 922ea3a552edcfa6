"""Splits of leads, retracted events, suppressed people, and summaries of deleted events.

The version before leaves the new columns alone, so during a rolling upgrade it may join leads again that were split,
count retracted events and no deleted ones where it recounts a signal, and store events of suppressed people.
"""

import sqlalchemy as sa
from alembic import op

from app.storage.sql import Id, UtcDateTime

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CLOSE ALL")  # if migration 0009 ran in this transaction, its cursor on the leads is in the way
    op.add_column("leads", sa.Column("separations", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("events", sa.Column("retraction_id", Id, nullable=True))
    _create_retractions()
    op.create_table(
        "summaries",
        sa.Column("identity", sa.String(220), primary_key=True),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("valid_from", UtcDateTime, nullable=False),
    )
    op.create_table(
        "group_summaries",
        sa.Column("identity", sa.String(220), primary_key=True),
        sa.Column("group_id", sa.String(200), primary_key=True),
        sa.Column("traits", sa.JSON, nullable=False),
        sa.Column("trusted_traits", sa.JSON, nullable=False),
    )
    op.create_index("ix_group_summaries_group_id", "group_summaries", ["group_id"])
    op.create_table(
        "suppressions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("secret_id", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )


def _create_retractions() -> None:
    op.create_table(
        "retractions",
        sa.Column("id", Id, primary_key=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("filter", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("created_by", sa.String(100), nullable=False),
        sa.Column("undone_at", UtcDateTime, nullable=True),
        sa.Column("undone_by", sa.String(100), nullable=True),
        sa.Column("finished_at", UtcDateTime, nullable=True),
        sa.Column("claimed_by", Id, nullable=True),
        sa.Column("claimed_until", UtcDateTime, nullable=True),
    )
    op.create_index("ix_retractions_state", "retractions", ["state"])
    op.create_table(
        "retracted_events",
        sa.Column("retraction_id", Id, sa.ForeignKey("retractions.id"), primary_key=True),
        sa.Column("event_id", Id, sa.ForeignKey("events.id"), primary_key=True),
        sa.Column("retracted_at", UtcDateTime, nullable=False),
        sa.Column("restored_at", UtcDateTime, nullable=True),
    )
    op.create_index("ix_retracted_events_event_id", "retracted_events", ["event_id"])


def downgrade() -> None:
    op.drop_table("suppressions")
    op.drop_table("group_summaries")
    op.drop_table("summaries")
    op.drop_table("retracted_events")
    op.drop_table("retractions")
    op.drop_column("events", "retraction_id")
    op.drop_column("leads", "separations")
