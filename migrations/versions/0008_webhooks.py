"""Webhooks: endpoints, and what is to be delivered to them. Leads get the time of their last change in the feed."""

import sqlalchemy as sa
from alembic import op

from app.storage.sql import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("leads", sa.Column("changed_at", UtcDateTime, nullable=True))


def downgrade() -> None:
    op.drop_column("leads", "changed_at")
