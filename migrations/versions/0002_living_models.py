"""Models with a life: notes and rollouts; links as they were; events found by their name; leads by the day alone.

Written with what SQLite can alter in place: a table that others refer to can't be made anew within a transaction.
New columns that may not be null need a default there, which PostgreSQL then loses again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.scoring.events import event_name_key
from app.storage.sql import Id, UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "former_identities",
        sa.Column("identity", sa.String(length=220), nullable=False),
        sa.Column("lead_id", Id, nullable=False),
        sa.Column("linked_at", UtcDateTime, nullable=False),
        sa.Column("moved_at", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["leads.id"], name=op.f("fk_former_identities_lead_id")),
        sa.PrimaryKeyConstraint("identity", "lead_id", name=op.f("pk_former_identities")),
    )
    op.create_index(op.f("ix_former_identities_lead_id"), "former_identities", ["lead_id"])

    _add("events", "name_key", sa.String(length=600), "''")
    _fill_name_keys()
    _add("transitions", "notify", sa.Boolean(), "true")

    op.drop_index(op.f("ix_leads_model_version"), "leads")
    living = sa.text("merged_into IS NULL")
    op.create_index(
        op.f("ix_leads_model_version"), "leads", ["model_version"], sqlite_where=living, postgresql_where=living
    )
    op.drop_index(op.f("ix_leads_last_seen_at_id"), "leads")
    op.drop_index(op.f("ix_leads_stage_last_seen_at_id"), "leads")
    op.add_column("leads", sa.Column("last_seen_on", sa.Date(), nullable=True))
    day = "(last_seen_at AT TIME ZONE 'UTC')::date" if _is_postgres() else "substr(last_seen_at, 1, 10)"
    op.execute(f"UPDATE leads SET last_seen_on = {day}")  # noqa: S608 - no value of anybody's
    op.create_index(op.f("ix_leads_last_seen_on"), "leads", ["last_seen_on"])
    op.create_index(op.f("ix_leads_stage_last_seen_on"), "leads", ["stage", "last_seen_on"])
    if _is_postgres():
        op.execute("ALTER TABLE leads SET (fillfactor = 80)")

    op.add_column("models", sa.Column("note", sa.Text(), nullable=True))
    _add("models", "ordered_document", sa.Text(), "''")
    _replace("models", "document", "ordered_document", "CAST(document AS TEXT)")

    op.rename_table("publications", "rollouts")
    _add("rollouts", "notify", sa.Boolean(), "false")
    _add("rollouts", "leads", sa.Integer(), "0")
    for name in ("started_at", "finished_at", "claimed_until"):
        op.add_column("rollouts", sa.Column(name, UtcDateTime, nullable=True))
    op.add_column("rollouts", sa.Column("claimed_by", Id, nullable=True))
    _rename_constraints("publications", "rollouts")


def downgrade() -> None:
    for name in ("claimed_by", "claimed_until", "finished_at", "started_at", "leads", "notify"):
        op.drop_column("rollouts", name)
    op.rename_table("rollouts", "publications")
    _rename_constraints("rollouts", "publications")
    _add("models", "sorted_document", sa.JSON(), "'{}'")
    as_json = "CAST(document AS JSON)" if _is_postgres() else "document"
    _replace("models", "document", "sorted_document", as_json)
    op.drop_column("models", "note")
    op.drop_index(op.f("ix_leads_stage_last_seen_on"), "leads")
    op.drop_index(op.f("ix_leads_last_seen_on"), "leads")
    op.drop_column("leads", "last_seen_on")
    op.drop_index(op.f("ix_leads_model_version"), "leads")
    op.create_index(op.f("ix_leads_model_version"), "leads", ["model_version"])
    op.create_index(op.f("ix_leads_last_seen_at_id"), "leads", ["last_seen_at", "id"])
    op.create_index(op.f("ix_leads_stage_last_seen_at_id"), "leads", ["stage", "last_seen_at", "id"])
    if _is_postgres():
        op.execute("ALTER TABLE leads RESET (fillfactor)")
    op.drop_column("transitions", "notify")
    op.drop_column("events", "name_key")
    op.drop_table("former_identities")


def _add(table: str, name: str, kind: Any, default: str) -> None:
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(default)))
    if _is_postgres():
        op.alter_column(table, name, server_default=None)


def _replace(table: str, name: str, by: str, value: str) -> None:
    op.execute(f"UPDATE {table} SET {by} = {value}")  # noqa: S608 - names of ours
    op.drop_column(table, name)
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {by} TO {name}")


def _rename_constraints(before: str, after: str) -> None:
    if _is_postgres():  # SQLite can't, and never speaks of them by name
        for name in ("pk_{}", "fk_{}_version"):
            old, new = name.format(before), name.format(after)
            op.execute(f"ALTER TABLE {after} RENAME CONSTRAINT {old} TO {new}")


def _fill_name_keys() -> None:
    connection = op.get_bind()
    names = connection.execute(sa.text("SELECT DISTINCT name FROM events")).scalars().all()
    connection.execute(
        sa.text("CREATE TEMPORARY TABLE name_keys (name VARCHAR(200) PRIMARY KEY, name_key VARCHAR(600))")
    )
    if names:
        rows = [{"name": name, "name_key": event_name_key(name)} for name in names]
        connection.execute(sa.text("INSERT INTO name_keys VALUES (:name, :name_key)"), rows)
    found = "(SELECT name_keys.name_key FROM name_keys WHERE name_keys.name = events.name)"
    connection.execute(sa.text(f"UPDATE events SET name_key = {found}"))  # noqa: S608 - no value of anybody's
    connection.execute(sa.text("DROP TABLE name_keys"))


def _is_postgres() -> bool:
    return bool(op.get_bind().dialect.name == "postgresql")
