"""Signatures of webhooks, by the specification of Standard Webhooks: an HMAC of the id, the time and the body."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime
from math import floor

from standardwebhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 - only the beginning
SECRET_BYTES = 32


def new_secret() -> str:
    """A random secret, as receivers' libraries take it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(secrets_: Iterable[str], message_id: str, now: datetime, body: str) -> dict[str, str]:
    """The headers to send with a body: signed with each secret, while an old one and a new one overlap."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(floor(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body) for secret in secrets_),
    }
