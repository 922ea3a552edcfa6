"""The tables. A test compares the migrations with this file."""

from datetime import date

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.storage.sql import Id, OrderedJson, UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

MERGED = text("merged_into IS NOT NULL")
NOT_MERGED = text("merged_into IS NULL")
UNNUMBERED = text("last_position IS NULL")
PENDING = text("state = 'pending'")
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
    # Which leads messages must not join with this one (see app/scoring/separations.py).
    Column("separations", JSON(none_as_null=True), nullable=True),
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

# What remains of deleted events: the facts of those that were filed under an identity, for the lead that has it. They
# are exact for answers as of `valid_from` and later.
summaries = Table(
    "summaries",
    metadata,
    Column("identity", IDENTITY, primary_key=True),
    Column("facts", JSON, nullable=False),
    Column("valid_from", UtcDateTime, nullable=False),
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

keys = Table(
    "keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("hint", String(32), nullable=False),
    Column("origins", JSON(none_as_null=True), nullable=True),
    Column("events", JSON(none_as_null=True), nullable=True),
    Column("trait_map", JSON(none_as_null=True), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=True),
    Column("revoked_at", UtcDateTime, nullable=True),
    Column("last_used_at", UtcDateTime, nullable=True),
)

# Secrets that a rotation replaced, which are accepted until they end. They are kept for good: a manifest that still
# lists one (LEADSCORE_BOOTSTRAP_KEYS) must not bring it back.
old_secrets = Table(
    "old_secrets",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("key_id", Id, ForeignKey("keys.id"), nullable=False, index=True),
    Column("replaced_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
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

# An endpoint that changes are delivered to. `position` is how far the feed has been searched for it: later changes that
# it wants become deliveries, and those of a disabled one wait in the feed. `filter` is what it wants.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url", Text, nullable=False),
    Column("description", String(500), nullable=True),
    Column("filter", JSON, nullable=False),
    Column("thin", Boolean, nullable=False),
    # Not hashed, because signing needs them. The old one also signs until `old_secret_until`.
    Column("secret", String(100), nullable=False),
    Column("old_secret", String(100), nullable=True),
    Column("old_secret_until", UtcDateTime, nullable=True),
    Column("position", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("failing_since", UtcDateTime, nullable=True),
    Column("disabled_at", UtcDateTime, nullable=True),
    Column("disabled_because", Text, nullable=True),
)

# A change for a webhook. `next_attempt_at` is when it is due; whoever attempts it first moves it ahead, so that it is
# due again if that process dies. `change_id` is the same for every attempt: receivers recognise repetitions by it.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook_id", Id, ForeignKey("webhooks.id"), nullable=False),
    Column("change_id", Id, nullable=False),
    Column("type", String(32), nullable=False),
    Column("lead_id", Id, nullable=True, index=True),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("next_attempt_at", UtcDateTime, nullable=True),
    Column("attempted_at", UtcDateTime, nullable=True),
    Column("status", Integer, nullable=True),
    Column("error", Text, nullable=True),
    Column("answer", Text, nullable=True),
    Column("seconds", Float, nullable=True),
    UniqueConstraint("webhook_id", "change_id"),
)
Index(None, deliveries.c.webhook_id, deliveries.c.next_attempt_at, postgresql_where=PENDING, sqlite_where=PENDING)
Index(None, deliveries.c.webhook_id, deliveries.c.state, deliveries.c.id)

# Long work that somebody asked for, which runs in a process of its own, one job at a time. `progress` counts what has
# been read so far. A worker claims a job for a while and renews the claim; if it dies, another one starts over.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("request", JSON, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("progress", BigInteger, nullable=False),
    Column("result", OrderedJson, nullable=False),
    Column("error", Text, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime, nullable=True),
    Column("finished_at", UtcDateTime, nullable=True),
    Column("claimed_by", Id, nullable=True),
    Column("claimed_until", UtcDateTime, nullable=True),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    # One of these two says who signed in.
    Column("key_id", Id, ForeignKey("keys.id"), nullable=True),
    Column("user_name", String(200), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=True),  # null: a link that nobody has used yet
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
