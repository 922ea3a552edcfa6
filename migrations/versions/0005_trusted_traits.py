"""What secret keys said of traits is kept apart, so that a model can say which traits they alone set.

`traits` goes on holding what anybody said last: scores stay as they are, and replicas of the version before, which know
of nothing else, go on reading all of it. Whose word each of those was only the log knows, so the new column is filled
from it; were the old one copied, what a public key said would be trusted, and the state not that of its log.
What a secret key says through a replica of the version before is trusted only when it is said again.
"""

from collections.abc import Iterator
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.scoring.events import Event
from app.scoring.facts import facts_of, merge
from app.storage.sql import Id, UtcDateTime

revision = "0005"
down_revision = "0004"

ROWS_AT_ONCE = 1_000

leads = sa.table("leads", sa.column("id", Id), sa.column("trusted_traits", sa.JSON()))
identities = sa.table("identities", sa.column("identity"), sa.column("lead_id", Id))
events = sa.table(
    "events",
    sa.column("id", Id),
    sa.column("identity"),
    sa.column("message_id"),
    sa.column("occurred_at", UtcDateTime),
    sa.column("trusted", sa.Boolean()),
    sa.column("traits", sa.JSON()),
)


def upgrade() -> None:
    op.add_column("leads", sa.Column("trusted_traits", sa.JSON(), nullable=False, server_default=sa.text("'{}'")))
    found = _trusted_traits(op.get_bind())
    update = sa.update(leads).where(leads.c.id == sa.bindparam("lead_id")).values(trusted_traits=sa.bindparam("traits"))
    while rows := list(islice(found, ROWS_AT_ONCE)):
        op.get_bind().execute(update, rows)


def downgrade() -> None:
    op.drop_column("leads", "trusted_traits")


def _trusted_traits(connection: Any) -> Iterator[dict[str, Any]]:
    """Of each lead of which a secret key said anything."""
    query = (
        sa.select(identities.c.lead_id, events)
        .join(identities, identities.c.identity == events.c.identity)
        .where(events.c.trusted, sa.cast(events.c.traits, sa.Text) != "{}")
        .order_by(identities.c.lead_id)
    )
    rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    for lead_id, said in groupby(rows, key=lambda row: row.lead_id):
        traits = merge(facts_of(_event(row), ()) for row in said).trusted_traits
        stored = {key: [trait.value, trait.at.isoformat(), trait.message_id] for key, trait in traits.items()}
        yield {"lead_id": lead_id, "traits": stored}


def _event(row: Any) -> Event:
    return Event(
        id=row.id,
        source="",
        message_id=row.message_id,
        type="identify",
        name="",
        identities=(),
        occurred_at=row.occurred_at,
        received_at=row.occurred_at,
        trusted=True,
        properties={},
        context={},
        traits=row.traits,
    )
