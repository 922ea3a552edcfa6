"""An identity may leave the same lead more than once, and rejections keep the identities that they named.

The version before goes on inserting into both tables while replicas are replaced: it never moves an identity back, so
the wider key changes nothing for it, and its rejections name nobody, as do those that are there already.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

KEY = "pk_former_identities"


def upgrade() -> None:
    _set_key("identity", "lead_id", "moved_at")
    op.add_column("rejections", sa.Column("identities", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    op.drop_column("rejections", "identities")
    # The narrower key has room for one move of an identity from a lead: the last.
    former = sa.table("former_identities", sa.column("identity"), sa.column("lead_id"), sa.column("moved_at"))
    later = former.alias()
    again = (later.c.identity == former.c.identity) & (later.c.lead_id == former.c.lead_id)
    op.execute(sa.delete(former).where(sa.exists().where(again, later.c.moved_at > former.c.moved_at)))
    _set_key("identity", "lead_id")


def _set_key(*columns: str) -> None:
    with op.batch_alter_table("former_identities") as table:
        table.drop_constraint(KEY, type_="primary")
        table.create_primary_key(KEY, list(columns))
