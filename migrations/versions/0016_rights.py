"""Splits of leads.

The version before leaves the new column alone, so during a rolling upgrade it may join leads again that were split.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0010"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CLOSE ALL")  # if migration 0009 ran in this transaction, its cursor on the leads is in the way
    op.add_column("leads", sa.Column("separations", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("leads", "separations")
