"""The tables of those who use the service: keys, sign-ins, webhooks, jobs."""

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

from app.storage.schema import metadata
from app.storage.sql import Id, OrderedJson, UtcDateTime

PENDING = text("state = 'pending'")

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
