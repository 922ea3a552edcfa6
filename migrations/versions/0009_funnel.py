"""What the funnel counts is kept with each lead, in one index: its first touch, and when it reached which stage.

Another index finds the events of a signal in a period.

For the leads that exist, both come from their first touch and their transitions. Transitions have the stage names of
their time: a stage that was renamed since counts as another one. A replica of the version before records nothing of
this: a lead that it creates or moves has no first touch in reports, or lacks that stage, until its next event.
"""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.scoring.document import Stage
from app.scoring.journeys import journey_of
from app.scoring.referrers import host_of
from app.storage.sql import Id, OrderedJson, UtcDateTime

revision = "0009"
down_revision = "0008"

ROWS_AT_ONCE = 1_000
MAX_LENGTH = 100
FIRST_TOUCH = ("channel", "utm_source", "utm_campaign", "referrer")
INDEXED = ["first_seen_on", *FIRST_TOUCH, "model_version", "stage", "journey", "merged_into"]

leads = sa.table(
    "leads",
    sa.column("id", Id),
    sa.column("merged_into", Id),
    sa.column("source", sa.JSON()),
    sa.column("first_seen_at", UtcDateTime),
    sa.column("created_at", UtcDateTime),
    sa.column("model_version"),
    *(sa.column(name, sa.String()) for name in ("utm_source", "utm_campaign", "referrer", "journey")),
    sa.column("first_seen_on", sa.Date()),
    sa.column("reached", sa.JSON()),
)
transitions = sa.table(
    "transitions", sa.column("lead_id", Id), sa.column("to_stage", sa.String()), sa.column("at", UtcDateTime)
)
models = sa.table("models", sa.column("version"), sa.column("document", OrderedJson))


def upgrade() -> None:
    for name in ("utm_source", "utm_campaign", "referrer"):
        op.add_column("leads", sa.Column(name, sa.String(MAX_LENGTH), nullable=True))
    op.add_column("leads", sa.Column("first_seen_on", sa.Date(), nullable=True))
    op.add_column("leads", sa.Column("reached", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("leads", sa.Column("journey", sa.String(1_000), nullable=False, server_default=sa.text("''")))
    living = sa.text("merged_into IS NULL")
    op.create_index("ix_leads_funnel", "leads", INDEXED, postgresql_where=living, sqlite_where=living)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CLOSE ALL")  # if migration 0005 ran in this transaction, its cursor on the events is in the way
    op.create_index("ix_events_name_key_occurred_at", "events", ["name_key", "occurred_at"])
    _fill(op.get_bind())  # last: PostgreSQL creates no index on a table that a cursor is open on


def downgrade() -> None:
    op.drop_index("ix_events_name_key_occurred_at", "events")
    op.drop_index("ix_leads_funnel", "leads")
    for name in ("journey", "reached", "first_seen_on", "referrer", "utm_campaign", "utm_source"):
        op.drop_column("leads", name)


def _fill(connection: Any) -> None:
    filled = ("utm_source", "utm_campaign", "referrer", "first_seen_on", "created_at", "reached", "journey")
    update = sa.update(leads).where(leads.c.id == sa.bindparam("lead_id"))
    update = update.values({name: sa.bindparam(f"new_{name}") for name in filled})
    found = _leads(connection)
    while rows := list(islice(found, ROWS_AT_ONCE)):
        connection.execute(update, rows)


def _leads(connection: Any) -> Iterator[dict[str, Any]]:
    """The new columns of each lead."""
    stages = {row.version: _stages(row.document) for row in connection.execute(sa.select(models))}
    rows = connection.execute(_with_stages(), execution_options={"yield_per": ROWS_AT_ONCE})
    for _, of_lead in groupby(rows, key=lambda row: row.id):
        lead, *more = of_lead
        yield _columns(lead, [lead, *more], stages.get(lead.model_version, []))


def _columns(lead: Any, entered: list[Any], stages: list[Stage]) -> dict[str, Any]:
    reached = {row.to_stage: row.at for row in entered if row.to_stage is not None}
    return {
        "lead_id": lead.id,
        "new_first_seen_on": lead.first_seen_at and lead.first_seen_at.date(),
        "new_created_at": lead.known_since,
        "new_reached": {stage: at.isoformat() for stage, at in reached.items()},
        "new_journey": journey_of(stages, reached, lead.first_seen_at, lead.known_since),
        **_first_touch(lead.source[0] if lead.source else {}),
    }


def _with_stages() -> sa.Select[Any]:
    """Every lead that was not merged away, once for each stage that it or a lead merged into it has entered."""
    own = leads.alias()
    owner = sa.func.coalesce(own.c.merged_into, own.c.id, type_=Id)
    known = sa.select(owner.label("lead_id"), sa.func.min(own.c.created_at, type_=UtcDateTime).label("known_since"))
    first = sa.func.min(transitions.c.at, type_=UtcDateTime).label("at")
    entered = sa.select(owner.label("lead_id"), transitions.c.to_stage, first).join_from(
        transitions, own, own.c.id == transitions.c.lead_id
    )
    since, reached = known.group_by(owner).subquery(), entered.group_by(owner, transitions.c.to_stage).subquery()
    columns = (leads.c.id, leads.c.source, leads.c.first_seen_at, leads.c.model_version)
    return (
        sa.select(*columns, since.c.known_since, reached.c.to_stage, reached.c.at)
        .join_from(leads, since, since.c.lead_id == leads.c.id)
        .outerjoin(reached, reached.c.lead_id == leads.c.id)
        .where(leads.c.merged_into.is_(None))
        .order_by(leads.c.id)
    )


def _stages(document: dict[str, Any]) -> list[Stage]:
    """The names are enough: no stage of a model of that time has an outcome."""
    return [Stage(name=stage["name"]) for stage in document["stages"]]


def _first_touch(source: dict[str, Any]) -> dict[str, str | None]:
    utm = source.get("utm", {})
    names = {
        "utm_source": utm.get("source"),
        "utm_campaign": utm.get("campaign"),
        "referrer": host_of(source.get("referrer")),
    }
    return {f"new_{name}": value and value[:MAX_LENGTH] for name, value in names.items()}
