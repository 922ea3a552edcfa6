"""A key may say which traits the fields of its forms are."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("keys", sa.Column("trait_map", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("keys", "trait_map")
