"""Versions of the model keep their text as it was written, who drafted them and who published them.

What is there already has neither: null.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("models", sa.Column("text", sa.Text, nullable=True))
    op.add_column("models", sa.Column("created_by", sa.String(100), nullable=True))
    op.add_column("rollouts", sa.Column("published_by", sa.String(100), nullable=True))


def downgrade() -> None:
    op.drop_column("rollouts", "published_by")
    op.drop_column("models", "created_by")
    op.drop_column("models", "text")
