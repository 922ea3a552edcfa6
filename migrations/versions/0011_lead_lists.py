"""Indexes for lists of leads: by score steps, the next change, the beginnings of identities, and more.

The next change is not known for the leads that exist, so the sweeper visits them all again. A replica of the version
before writes none of these columns: the leads that it changes keep their former ones until they are next checked, and
an address that it links is not found by its domain.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.scoring.steps import steps_of
from app.storage.sql import Id, OrderedJson

revision = "0011"
down_revision = "0010"

ROWS_AT_ONCE = 1_000
LISTED = {
    "ix_leads_stage_since_id_stage": ["stage_since", "id", "stage"],
    "ix_leads_next_change_on_id_stage": ["next_change_on", "id", "stage"],
    "ix_leads_first_score_step_stage": ["first_score_step", "stage"],
    "ix_leads_second_score_step_stage": ["second_score_step", "stage"],
}
PREFIXES = {"ix_identities_prefix": "identity", "ix_identities_domain": "email_domain"}

leads = sa.table(
    "leads",
    sa.column("id", Id),
    sa.column("merged_into", Id),
    sa.column("scores", sa.JSON()),
    sa.column("model_version", sa.Integer()),
    sa.column("next_check_on", sa.Date()),
    sa.column("first_score_step", sa.Integer()),
    sa.column("second_score_step", sa.Integer()),
)
identities = sa.table("identities", sa.column("identity", sa.String()), sa.column("email_domain", sa.String()))
models = sa.table("models", sa.column("version"), sa.column("document", OrderedJson))


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CLOSE ALL"
        )  # if an earlier migration ran in this transaction, its cursor on the leads is in the way
    never, zero = sa.text("'9999-01-01'"), sa.text("0")
    op.add_column("leads", sa.Column("next_change_on", sa.Date(), nullable=False, server_default=never))
    op.add_column("leads", sa.Column("next_change_to", sa.String(64), nullable=True))
    op.add_column("leads", sa.Column("first_score_step", sa.Integer(), nullable=False, server_default=zero))
    op.add_column("leads", sa.Column("second_score_step", sa.Integer(), nullable=False, server_default=zero))
    op.add_column("identities", sa.Column("email_domain", sa.String(200), nullable=True))
    not_merged = sa.text("merged_into IS NULL")
    for name, columns in LISTED.items():
        op.create_index(name, "leads", columns, postgresql_where=not_merged, sqlite_where=not_merged)
    for name, column in PREFIXES.items():
        op.create_index(name, "identities", [column, "lead_id"], postgresql_ops={column: "text_pattern_ops"})
    op.create_index("ix_transitions_at_id", "transitions", ["at", "id"])
    op.create_index("ix_transitions_to_stage_at_id", "transitions", ["to_stage", "at", "id"])
    _fill(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_transitions_to_stage_at_id", "transitions")
    op.drop_index("ix_transitions_at_id", "transitions")
    for name in PREFIXES:
        op.drop_index(name, "identities")
    for name in LISTED:
        op.drop_index(name, "leads")
    op.drop_column("identities", "email_domain")
    for name in ("second_score_step", "first_score_step", "next_change_to", "next_change_on"):
        op.drop_column("leads", name)


def _fill(connection: Any) -> None:
    connection.execute(_with_domains(connection.dialect.name))
    today = sa.func.current_date()
    connection.execute(sa.update(leads).where(leads.c.next_check_on > today).values(next_check_on=today))
    update = sa.update(leads).where(leads.c.id == sa.bindparam("lead_id"))
    update = update.values(first_score_step=sa.bindparam("first"), second_score_step=sa.bindparam("second"))
    found = _steps(connection)
    while rows := list(islice(found, ROWS_AT_ONCE)):
        connection.execute(update, rows)


def _with_domains(dialect_name: str) -> sa.Update:
    address = identities.c.identity
    if dialect_name == "postgresql":
        domain = sa.func.split_part(address, "@", 2)
    else:
        domain = sa.func.substr(address, sa.func.instr(address, "@") + 1)
    return sa.update(identities).where(address.like("email:%")).values(email_domain=domain)


def _steps(connection: Any) -> Iterator[dict[str, Any]]:
    """The score steps of each lead, by the order of scores in the model that evaluated it."""
    names = {row.version: list(row.document.get("scores", {})) for row in connection.execute(sa.select(models))}
    query = sa.select(leads.c.id, leads.c.scores, leads.c.model_version).where(leads.c.merged_into.is_(None))
    for row in connection.execute(query.order_by(leads.c.id), execution_options={"yield_per": ROWS_AT_ONCE}):
        scores = {name: row.scores.get(name, 0.0) for name in names.get(row.model_version, [])}
        first, second = steps_of(scores)
        yield {"lead_id": row.id, "first": first, "second": second}
