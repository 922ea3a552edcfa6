"""The tables. A test compares the migrations with this file. Those of who uses the service are in `service_tables`."""

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
    Text,
    UniqueConstraint,
    text,
)

from app.storage.schema import metadata
from app.storage.service_tables import deliveries, jobs, keys, old_secrets, sign_ins, webhooks
from app.storage.sql import Id, OrderedJson, UtcDateTime

MERGED = text("merged_into IS NOT NULL")
NOT_MERGED = text("merged_into IS NULL")
UNNUMBERED = text("last_position IS NULL")
NO_CHANGE_ON = date(9999, 1, 1)
"""Not `date.max`, which asyncpg sends as infinity."""

IN_ACCOUNT = text("account IS NOT NULL")
OF_GROUP = text("group_id IS NOT NULL")
IDENTITY = String(220)  # a kind, a colon, and a value of 200 characters
ACCOUNT = String(220)  # the same

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
    Column("tally", JSON, nullable=False),
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
    Column("model_version", Integer, nullable=False),
    # The UTC day of the sweeper's next check; null for a merged lead.
    Column("next_check_on", Date, nullable=True, index=True),
    # The next change of stage if nothing more happens: the UTC day, or one that sorts last, and the stage, empty if no
    # change comes, null if none was forecast since the last event.
    Column("next_change_on", Date, nullable=False, server_default=text(f"'{NO_CHANGE_ON}'")),
    Column("next_change_to", String(64), nullable=True),
    # The model's first two scores in whole tens: see app/scoring/steps.py.
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
    UniqueConstraint("source", "message_id"),
    Index(None, "identity", "occurred_at", "id"),
    Index(None, "name_key", "occurred_at"),
    # For counts by minute and source, which it answers alone. All events of a commit have the same time, so that
    # PostgreSQL stores each time about once.
    Index(None, "received_at", "source"),
    Index(None, "group_id", sqlite_where=OF_GROUP, postgresql_where=OF_GROUP),
)

# What group messages say of their groups. A group may be without members: whoever joins it last finds its traits.
groups = Table(
    "groups",
    metadata,
    Column("id", String(200), primary_key=True),
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

models = Table(
    "models",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", OrderedJson, nullable=False),
    # The document as it was written, with its comments; null if that was not YAML.
    Column("text", Text, nullable=True),
    Column("note", Text, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(100), nullable=True),
)

# A rollout begins when a version is published. The latest one's version is the active model; to go back, publish an
# older version again. `leads` is how many leads it has to evaluate, `claimed_by` the process that works on it.
rollouts = Table(
    "rollouts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, ForeignKey("models.version"), nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("published_by", String(100), nullable=True),
    Column("notify", Boolean, nullable=False),
    Column("leads", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=True),
    Column("finished_at", UtcDateTime, nullable=True),
    Column("claimed_by", Id, nullable=True),
    Column("claimed_until", UtcDateTime, nullable=True),
)

rejections = Table(
    "rejections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(100), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("code", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("message_id", String(100), nullable=True, index=True),
    # As for events, if the message has a readable name.
    Column("name_key", String(600), nullable=True, index=True),
    Column("body", Text, nullable=False),
    # The people in the message, so that erasure covers this table. Replicas of the previous version need the default.
    Column("identities", JSON, nullable=False, server_default=text("'[]'")),
    # The first for counts by code, which it answers alone.
    Index(None, "received_at", "code", "source"),
    Index(None, "code", "id"),
)

# How many duplicates a transaction found, for counts by minute and source. Rows are only added, so that no commit waits
# for another.
duplicates = Table(
    "duplicates",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", String(100), nullable=False),
    Column("messages", Integer, nullable=False),
    Index(None, "received_at", "source", "messages"),
)

# The changes that one transaction made, for the feed. `id` is given while the leads that changed are locked, so a
# lead's changes ascend by it; `last_position`, given after the commit, is that of the last change (`size` of them).
commits = Table(
    "commits",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("size", Integer, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("last_position", BigInteger, nullable=True, unique=True),
)
Index(None, commits.c.id, postgresql_where=UNNUMBERED, sqlite_where=UNNUMBERED)

# One row: the position of the last change that has one, and of the last one that was deleted.
feed = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last_position", BigInteger, nullable=False),
    Column("pruned_to", BigInteger, nullable=False),
)

__all__ = [
    "ACCOUNT",
    "IDENTITY",
    "IN_ACCOUNT",
    "MERGED",
    "NOT_MERGED",
    "NO_CHANGE_ON",
    "OF_GROUP",
    "UNNUMBERED",
    "account_progress",
    "accounts",
    "commits",
    "deliveries",
    "duplicates",
    "events",
    "feed",
    "former_identities",
    "groups",
    "identities",
    "jobs",
    "keys",
    "leads",
    "metadata",
    "models",
    "old_secrets",
    "rejections",
    "rollouts",
    "sign_ins",
    "transitions",
    "webhooks",
]
