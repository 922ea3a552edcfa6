"""Tables of people: leads, what they did, and what is derived from that."""

from datetime import date

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from app.storage.sql import Id, LongJson, UtcDateTime
from app.storage.tables.schema import ACCOUNT, IDENTITY, metadata

MERGED = text("merged_into IS NOT NULL")
NOT_MERGED = text("merged_into IS NULL")
IN_ACCOUNT = text("account IS NOT NULL")
OF_GROUP = text("group_id IS NOT NULL")
NO_CHANGE_ON = date(9999, 1, 1)
"""Not `date.max`, which asyncpg sends as infinity."""

leads = Table(
    "leads",
    metadata,
    Column("id", Id, primary_key=True),
    # A merged lead keeps its row, so that its id still resolves, but only the columns that can't be null.
    Column("merged_into", Id, ForeignKey("leads.id"), nullable=True),
    Column("stage", String(64), nullable=False),
    Column("stage_since", UtcDateTime, nullable=False),
    # When the lead first entered each stage, and the same as text for reports (see app/scoring/journeys.py). The
    # defaults are for replicas of the previous version.
    Column("reached", JSON, nullable=False, server_default=text("'{}'")),
    Column("journey", String(1_000), nullable=False, server_default=text("''")),
    Column("scores", JSON, nullable=False),
    Column("tally", LongJson, nullable=False),
    Column("traits", JSON, nullable=False),
    # The default is for replicas of the previous version, which insert rows until they are replaced.
    Column("trusted_traits", JSON, nullable=False, server_default=text("'{}'")),
    Column("source", JSON(none_as_null=True), nullable=True),
    # Parts of `source`, and the referrer's host.
    Column("channel", String(32), nullable=True),
    Column("utm_source", String(100), nullable=True),
    Column("utm_campaign", String(100), nullable=True),
    Column("referrer", String(100), nullable=True),
    # The group that the lead joined last, and the account that follows from it or from the address, such as
    # `domain:acme.example`.
    Column("joined_group", JSON(none_as_null=True), nullable=True),
    Column("account", ACCOUNT, nullable=True),
    Column("first_seen_at", UtcDateTime, nullable=True),
    Column("first_seen_on", Date, nullable=True),
    Column("last_seen_at", UtcDateTime, nullable=True),
    # Only the day is indexed. If an indexed column changed with every event, PostgreSQL would update all indexes each
    # time; this way it usually updates only the row (HOT), for which `fillfactor` leaves room.
    Column("last_seen_on", Date, nullable=True),
    Column("event_count", BigInteger, nullable=False),
    # Which leads messages must not join with this one (see app/scoring/separations.py).
    Column("separations", JSON(none_as_null=True), nullable=True),
    Column("model_version", Integer, nullable=False),
    # The UTC day of the sweeper's next check; null for a merged lead.
    Column("next_check_on", Date, nullable=True, index=True),
    # The next change of stage if nothing more happens: the UTC day, or one that sorts last, and the stage, empty if no
    # change comes, null if none was forecast since the last event.
    Column("next_change_on", Date, nullable=False, server_default=text(f"'{NO_CHANGE_ON}'")),
    Column("next_change_to", String(64), nullable=True),
    # The model's first two scores in whole steps: see app/scoring/steps.py.
    Column("first_score_step", Integer, nullable=False, server_default=text("0")),
    Column("second_score_step", Integer, nullable=False, server_default=text("0")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # Null for leads that have not changed since this column was added.
    Column("changed_at", UtcDateTime, nullable=True),
    # Partial, since few leads are merged: fewer entries to update. Queries repeat the condition, so that counts can be
    # read from an index alone.
    Index(None, "merged_into", sqlite_where=MERGED, postgresql_where=MERGED),
    Index(None, "model_version", sqlite_where=NOT_MERGED, postgresql_where=NOT_MERGED),
    Index(None, "last_seen_on", sqlite_where=NOT_MERGED, postgresql_where=NOT_MERGED),
    Index(None, "stage", "last_seen_on", sqlite_where=NOT_MERGED, postgresql_where=NOT_MERGED),
    # The stage is last, so that the leads of one stage are found without reading the others.
    Index(None, "stage_since", "id", "stage", sqlite_where=NOT_MERGED, postgresql_where=NOT_MERGED),
    Index(None, "next_change_on", "id", "stage", sqlite_where=NOT_MERGED, postgresql_where=NOT_MERGED),
    Index(None, "first_score_step", "stage", sqlite_where=NOT_MERGED, postgresql_where=NOT_MERGED),
    Index(None, "second_score_step", "stage", sqlite_where=NOT_MERGED, postgresql_where=NOT_MERGED),
    Index(None, "account", "last_seen_on", sqlite_where=IN_ACCOUNT, postgresql_where=IN_ACCOUNT),
    # All that the funnel counts, so that it need not read the leads themselves. SQLite also needs the last column.
    Index(
        "ix_leads_funnel",
        *("first_seen_on", "channel", "utm_source", "utm_campaign", "referrer", "account"),
        *("model_version", "stage", "journey", "merged_into"),
        sqlite_where=NOT_MERGED,
        postgresql_where=NOT_MERGED,
    ),
    postgresql_with={"fillfactor": 80},
)

identities = Table(
    "identities",
    metadata,
    Column("identity", IDENTITY, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False, index=True),
    Column("linked_at", UtcDateTime, nullable=False),
    # The part of an email address after the @; null for other kinds.
    Column("email_domain", String(200), nullable=True),
    # For prefixes, hence the operator class: the database's language may sort differently.
    Index("ix_identities_prefix", "identity", "lead_id", postgresql_ops={"identity": "text_pattern_ops"}),
    Index("ix_identities_domain", "email_domain", "lead_id", postgresql_ops={"email_domain": "text_pattern_ops"}),
)

# An identity's leads before it moved: for look-backs, and for undoing merges. The time is in the key, because an
# identity that was moved back may leave the same lead again.
former_identities = Table(
    "former_identities",
    metadata,
    Column("identity", IDENTITY, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), primary_key=True, index=True),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("moved_at", UtcDateTime, primary_key=True),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, ForeignKey("leads.id"), nullable=False),
    Column("from_stage", String(64), nullable=False),
    Column("to_stage", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("cause", String(16), nullable=False),
    Column("model_version", Integer, nullable=False),
    Column("scores", JSON, nullable=False),
    # Whether subscribers are notified: not for changes by a model that was published quietly.
    Column("notify", Boolean, nullable=False),
    Index(None, "lead_id", "id"),
    Index(None, "at", "id"),
    Index(None, "to_stage", "at", "id"),
)

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(100), nullable=False),
    Column("message_id", String(100), nullable=False),
    # The identity that the event is filed under. It never changes; the identity's lead may.
    Column("identity", IDENTITY, nullable=False),
    Column("identities", JSON, nullable=False),
    Column("type", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    # Equal for equivalent names, so that the database can select a lead's events that a signal may count.
    Column("name_key", String(600), nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("trusted", Boolean, nullable=False),
    Column("properties", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("traits", JSON, nullable=False),
    # Of group messages alone: what is known of the group is derived from them.
    Column("group_id", String(200), nullable=True),
    # The retraction that keeps the event from counting.
    Column("retraction_id", Id, nullable=True),
    UniqueConstraint("source", "message_id"),
    Index(None, "identity", "occurred_at", "id"),
    Index(None, "name_key", "occurred_at"),
    # For counts by minute and source, which it answers alone. All events of a commit have the same time, so that
    # PostgreSQL stores each time about once.
    Index(None, "received_at", "source"),
    Index(None, "group_id", sqlite_where=OF_GROUP, postgresql_where=OF_GROUP),
)

# Events that somebody took back, and why. `filter` says which; a worker claims the retraction and works through them.
retractions = Table(
    "retractions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("reason", String(500), nullable=False),
    Column("filter", JSON, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(100), nullable=False),
    Column("undone_at", UtcDateTime, nullable=True),
    Column("undone_by", String(100), nullable=True),
    Column("finished_at", UtcDateTime, nullable=True),
    Column("claimed_by", Id, nullable=True),
    Column("claimed_until", UtcDateTime, nullable=True),
)

# When each event was retracted, and when it counted again: for undoing a retraction, and for looking back.
retracted_events = Table(
    "retracted_events",
    metadata,
    Column("retraction_id", Id, ForeignKey("retractions.id"), primary_key=True),
    Column("event_id", Id, ForeignKey("events.id"), primary_key=True, index=True),
    Column("retracted_at", UtcDateTime, nullable=False),
    Column("restored_at", UtcDateTime, nullable=True),
)

# What remains of deleted events: the facts of those that were filed under an identity, for the lead that has it. They
# are exact for answers as of `valid_from` and later.
summaries = Table(
    "summaries",
    metadata,
    Column("identity", IDENTITY, primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("valid_from", UtcDateTime, nullable=False),
)

# Whose events are dropped: hashes of identities, made with a secret that is not in the database. `secret_id` tells the
# secrets apart.
suppressions = Table(
    "suppressions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("secret_id", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

# What group messages say of their groups. A group may be without members: whoever joins it last finds its traits.
groups = Table(
    "groups",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("traits", JSON, nullable=False),
    Column("trusted_traits", JSON, nullable=False),
)

# What deleted messages said of groups, by the identity that they were filed under.
group_summaries = Table(
    "group_summaries",
    metadata,
    Column("identity", IDENTITY, primary_key=True),
    Column("group_id", String(200), primary_key=True, index=True),
    Column("traits", JSON, nullable=False),
    Column("trusted_traits", JSON, nullable=False),
)

# What the leads of each account add up to, counted from their rows by a worker. `stages` has the number of leads in
# each stage, `highest` and `sums` a value for each score, `leaders` the lead that has the highest.
accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", ACCOUNT, nullable=False, unique=True),
    Column("leads", Integer, nullable=False, index=True),
    Column("stage", String(64), nullable=False, index=True),
    Column("stages", JSON, nullable=False),
    Column("highest", JSON, nullable=False),
    Column("sums", JSON, nullable=False),
    Column("leaders", JSON, nullable=False),
    Column("model_version", Integer, nullable=False),
)

# One row: the position in the feed up to which accounts are counted. While all of them are counted again, `target` is
# the position that this leads to, and `counted_to` the key of the last account that is done.
account_progress = Table(
    "account_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("target", BigInteger, nullable=True),
    Column("counted_to", ACCOUNT, nullable=True),
)
