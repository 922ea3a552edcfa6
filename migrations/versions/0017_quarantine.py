"""Quarantined messages keep the event that they would have been, so that they can be released."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("rejections", sa.Column("event", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("rejections", "event")
