"""Keys that expire, rotate and show when they were used; rejections by event name; the activity of each minute."""

import sqlalchemy as sa
from alembic import op

from app.storage.sql import Id, UtcDateTime

revision = "0013"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("keys", sa.Column("expires_at", UtcDateTime, nullable=True))
    op.add_column("keys", sa.Column("last_used_at", UtcDateTime, nullable=True))
    op.create_table(
        "old_secrets",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("key_id", Id, sa.ForeignKey("keys.id", name="fk_old_secrets_key_id"), nullable=False),
        sa.Column("replaced_at", UtcDateTime, nullable=False),
        sa.Column("ends_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_old_secrets_key_id", "old_secrets", ["key_id"])
    op.add_column("rejections", sa.Column("name_key", sa.String(600), nullable=True))
    op.drop_index("ix_rejections_received_at", "rejections")
    op.create_index("ix_rejections_received_at_code_source", "rejections", ["received_at", "code", "source"])
    op.create_index("ix_rejections_code_id", "rejections", ["code", "id"])
    op.create_index("ix_rejections_message_id", "rejections", ["message_id"])
    op.create_index("ix_rejections_name_key", "rejections", ["name_key"])
    op.create_table(
        "duplicates",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("messages", sa.Integer, nullable=False),
    )
    minutes = ["received_at", "source", "messages"]
    op.create_index("ix_duplicates_received_at_source_messages", "duplicates", minutes)
    op.create_index("ix_events_received_at_source", "events", ["received_at", "source"])


def downgrade() -> None:
    op.drop_index("ix_events_received_at_source", "events")
    op.drop_table("duplicates")
    for columns in ("name_key", "message_id", "code_id", "received_at_code_source"):
        op.drop_index(f"ix_rejections_{columns}", "rejections")
    op.create_index("ix_rejections_received_at", "rejections", ["received_at"])
    op.drop_column("rejections", "name_key")
    op.drop_table("old_secrets")
    op.drop_column("keys", "last_used_at")
    op.drop_column("keys", "expires_at")
