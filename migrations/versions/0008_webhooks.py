"""Webhooks: endpoints, and what is to be delivered to them. Leads get the time of their last change in the feed."""

import sqlalchemy as sa
from alembic import op

from app.storage.sql import Id, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("leads", sa.Column("changed_at", UtcDateTime, nullable=True))
    op.create_table(
        "webhooks",
        sa.Column("id", Id, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("description", sa.String(500), nullable=True),
        sa.Column("filter", sa.JSON, nullable=False),
        sa.Column("thin", sa.Boolean, nullable=False),
        sa.Column("secret", sa.String(100), nullable=False),
        sa.Column("old_secret", sa.String(100), nullable=True),
        sa.Column("old_secret_until", UtcDateTime, nullable=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("failing_since", UtcDateTime, nullable=True),
        sa.Column("disabled_at", UtcDateTime, nullable=True),
        sa.Column("disabled_because", sa.Text, nullable=True),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", Id, primary_key=True),
        sa.Column("webhook_id", Id, sa.ForeignKey("webhooks.id", name="fk_deliveries_webhook_id"), nullable=False),
        sa.Column("change_id", Id, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("lead_id", Id, nullable=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("next_attempt_at", UtcDateTime, nullable=True),
        sa.Column("attempted_at", UtcDateTime, nullable=True),
        sa.Column("status", sa.Integer, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("answer", sa.Text, nullable=True),
        sa.Column("seconds", sa.Float, nullable=True),
        sa.UniqueConstraint("webhook_id", "change_id", name="uq_deliveries_webhook_id_change_id"),
    )
    pending = sa.text("state = 'pending'")
    due = ["webhook_id", "next_attempt_at"]
    name = "ix_deliveries_webhook_id_next_attempt_at"
    op.create_index(name, "deliveries", due, postgresql_where=pending, sqlite_where=pending)
    op.create_index("ix_deliveries_webhook_id_state_id", "deliveries", ["webhook_id", "state", "id"])
    op.create_index("ix_deliveries_lead_id", "deliveries", ["lead_id"])
    op.create_index("ix_deliveries_created_at", "deliveries", ["created_at"])


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("webhooks")
    op.drop_column("leads", "changed_at")
