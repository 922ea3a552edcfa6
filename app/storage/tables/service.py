"""Tables of the service: its models and keys, what it refused, the feed with its receivers, and jobs."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.storage.sql import Id, OrderedJson, UtcDateTime
from app.storage.tables.schema import metadata

UNNUMBERED = text("last_position IS NULL")
PENDING = text("state = 'pending'")

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
    # Of a quarantined message: the event that it becomes when it is released.
    Column("event", Text, nullable=True),
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
