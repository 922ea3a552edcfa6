"""Accounts: which one each lead belongs to, what group messages say of them, and what their leads add up to.

For the leads and groups that exist, all of it is found in the log and in the leads' traits. What the leads add up to is
counted afterwards, by the account worker: it has no position in the feed yet. A replica of the version before goes on
storing leads without accounts and group messages without groups; a lead has its account again after its next event, and
a group what the next messages say.
"""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.scoring.accounts import account_of
from app.scoring.events import GROUP_ID, Event, event_name_key
from app.scoring.facts import Facts, Stamped, group_facts_of, merge
from app.storage.facts import stamped_from_json, stamped_to_json, traits_from_json, traits_to_json
from app.storage.sql import Id, OrderedJson, UtcDateTime

revision = "0015"
down_revision = "0014"

ROWS_AT_ONCE = 1_000
KEY = sa.String(220)
FUNNEL = ["first_seen_on", "channel", "utm_source", "utm_campaign", "referrer"]
FUNNEL_END = ["model_version", "stage", "journey", "merged_into"]

leads = sa.table(
    "leads",
    sa.column("id", Id),
    sa.column("traits", sa.JSON()),
    sa.column("trusted_traits", sa.JSON()),
    sa.column("joined_group", sa.JSON(none_as_null=True)),
    sa.column("account", KEY),
)
identities = sa.table("identities", sa.column("identity"), sa.column("lead_id", Id))
events = sa.table(
    "events",
    sa.column("id", Id),
    sa.column("identity"),
    sa.column("message_id"),
    sa.column("type"),
    sa.column("name_key"),
    sa.column("occurred_at", UtcDateTime),
    sa.column("trusted", sa.Boolean()),
    sa.column("properties", sa.JSON()),
    sa.column("group_id"),
)
models = sa.table("models", sa.column("version"), sa.column("document", OrderedJson))
rollouts = sa.table("rollouts", sa.column("id"), sa.column("version"))


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CLOSE ALL")  # PostgreSQL creates no index on a table on which an earlier migration has a cursor
    op.add_column("leads", sa.Column("joined_group", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("leads", sa.Column("account", KEY, nullable=True))
    op.add_column("events", sa.Column("group_id", sa.String(200), nullable=True))
    groups = _create_tables()
    in_account, of_group = sa.text("account IS NOT NULL"), sa.text("group_id IS NOT NULL")
    columns = ["account", "last_seen_on"]
    op.create_index(
        "ix_leads_account_last_seen_on", "leads", columns, postgresql_where=in_account, sqlite_where=in_account
    )
    op.create_index("ix_events_group_id", "events", ["group_id"], postgresql_where=of_group, sqlite_where=of_group)
    _recreate_funnel_index([*FUNNEL, "account", *FUNNEL_END])
    _fill(op.get_bind(), groups)


def downgrade() -> None:
    _recreate_funnel_index([*FUNNEL, *FUNNEL_END])
    op.drop_index("ix_events_group_id", "events")
    op.drop_index("ix_leads_account_last_seen_on", "leads")
    for table in ("account_progress", "accounts", "groups"):
        op.drop_table(table)
    op.drop_column("events", "group_id")
    op.drop_column("leads", "account")
    op.drop_column("leads", "joined_group")


def _create_tables() -> sa.Table:
    groups = op.create_table(
        "groups",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("traits", sa.JSON, nullable=False),
        sa.Column("trusted_traits", sa.JSON, nullable=False),
    )
    op.create_table(
        "accounts",
        sa.Column("id", Id, primary_key=True),
        sa.Column("key", KEY, nullable=False),
        sa.Column("leads", sa.Integer, nullable=False),
        sa.Column("stage", sa.String(64), nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("stages", "highest", "sums", "leaders")),
        sa.Column("model_version", sa.Integer, nullable=False),
        sa.UniqueConstraint("key", name="uq_accounts_key"),
    )
    op.create_index("ix_accounts_leads", "accounts", ["leads"])
    op.create_index("ix_accounts_stage", "accounts", ["stage"])
    op.create_table(
        "account_progress",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("target", sa.BigInteger, nullable=True),
        sa.Column("counted_to", KEY, nullable=True),
    )
    return groups


def _recreate_funnel_index(columns: list[str]) -> None:
    living = sa.text("merged_into IS NULL")
    op.drop_index("ix_leads_funnel", "leads")
    op.create_index("ix_leads_funnel", "leads", columns, postgresql_where=living, sqlite_where=living)


# --- What exists ------------------------------------------------------------------------------------------------


def _fill(connection: Any, groups: sa.Table) -> None:
    this_event, this_lead = events.c.id == sa.bindparam("row_id"), leads.c.id == sa.bindparam("row_id")
    named = sa.update(events).where(this_event).values(group_id=sa.bindparam("new"))
    _in_chunks(connection, named, _group_ids(connection))
    _in_chunks(connection, groups.insert(), _groups(connection))
    joined = sa.update(leads).where(this_lead).values(joined_group=sa.bindparam("new"))
    _in_chunks(connection, joined, _joined_groups(connection))
    belongs = sa.update(leads).where(this_lead).values(account=sa.bindparam("new"))
    _in_chunks(connection, belongs, _accounts(connection))


def _in_chunks(connection: Any, statement: Any, found: Iterator[dict[str, Any]]) -> None:
    while rows := list(islice(found, ROWS_AT_ONCE)):
        connection.execute(statement, rows)


def _streamed(connection: Any, query: sa.Select[Any]) -> Any:
    return connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})


def _group_ids(connection: Any) -> Iterator[dict[str, Any]]:
    are_group_messages = events.c.name_key == event_name_key("Group Joined"), events.c.type == "group"
    for row in _streamed(connection, sa.select(events.c.id, events.c.properties).where(*are_group_messages)):
        yield {"row_id": row.id, "new": row.properties[GROUP_ID]}


def _groups(connection: Any) -> Iterator[dict[str, Any]]:
    query = sa.select(events).where(events.c.group_id.is_not(None)).order_by(events.c.group_id)
    for group_id, messages in groupby(_streamed(connection, query), key=lambda row: row.group_id):
        facts = merge(group_facts_of(_event(row)) for row in messages)
        traits, trusted = traits_to_json(facts.traits), traits_to_json(facts.trusted_traits)
        yield {"id": group_id, "traits": traits, "trusted_traits": trusted}


def _joined_groups(connection: Any) -> Iterator[dict[str, Any]]:
    of_leads = sa.select(identities.c.lead_id, events.c.group_id, events.c.occurred_at, events.c.message_id)
    query = of_leads.join(identities, identities.c.identity == events.c.identity).where(events.c.group_id.is_not(None))
    rows = _streamed(connection, query.order_by(identities.c.lead_id))
    for lead_id, messages in groupby(rows, key=lambda row: row.lead_id):
        latest = max(Stamped(row.group_id, row.occurred_at, row.message_id) for row in messages)
        yield {"row_id": lead_id, "new": stamped_to_json(latest)}


def _accounts(connection: Any) -> Iterator[dict[str, Any]]:
    trusted = _trusted_traits(connection)
    with_email = sa.cast(leads.c.traits, sa.Text).contains('"email"')
    for row in _streamed(connection, sa.select(leads).where(sa.or_(with_email, leads.c.joined_group.is_not(None)))):
        facts = Facts(traits=traits_from_json(row.traits), trusted_traits=traits_from_json(row.trusted_traits))
        group = stamped_from_json(row.joined_group) if row.joined_group else None
        key = account_of(group, facts.known_traits(trusted))
        if key is not None:
            yield {"row_id": row.id, "new": str(key)}


def _trusted_traits(connection: Any) -> list[str]:
    """Those that the active model lists as trusted."""
    active = sa.select(models.c.document).join(rollouts, rollouts.c.version == models.c.version)
    document = connection.execute(active.order_by(rollouts.c.id.desc()).limit(1)).scalar() or {}
    return [name for name, trait in document.get("traits", {}).items() if trait.get("trusted")]


def _event(row: Any) -> Event:
    return Event(
        id=row.id,
        source="",
        message_id=row.message_id,
        type="group",
        name="",
        identities=(),
        occurred_at=row.occurred_at,
        received_at=row.occurred_at,
        trusted=row.trusted,
        properties=row.properties,
        context={},
        traits={},
    )
