"""Lists are of living leads: their indexes need no others, and so suffice to count leads by stage."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INDEXES = {"ix_leads_last_seen_on": ["last_seen_on"], "ix_leads_stage_last_seen_on": ["stage", "last_seen_on"]}


def upgrade() -> None:
    living = sa.text("merged_into IS NULL")
    for name, columns in INDEXES.items():
        op.drop_index(op.f(name), "leads")
        op.create_index(op.f(name), "leads", columns, sqlite_where=living, postgresql_where=living)


def downgrade() -> None:
    for name, columns in INDEXES.items():
        op.drop_index(op.f(name), "leads")
        op.create_index(op.f(name), "leads", columns)
