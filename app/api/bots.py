"""Signs of bots in a request."""

from datetime import datetime

from fastapi import Request

from app.api.access import runtime_of
from app.errors import InvalidMessage
from app.protocol.bots import CRAWLER, HONEYPOT, TOO_FAST, UNPROVEN, is_crawler, is_too_fast
from app.protocol.forms import FormPost
from app.services.keys import Key


def suspicion_of_agent(request: Request, key: Key) -> InvalidMessage | None:
    """Only public keys are judged: whoever has a secret one is known, whatever program they use."""
    if key.kind != "write" or runtime_of(request).settings.quarantine_crawlers == "off":
        return None
    return CRAWLER if is_crawler(request.headers.get("user-agent", "")) else None


def suspicion_of_form(request: Request, key: Key, post: FormPost, now: datetime) -> InvalidMessage | None:
    """Regardless of proof of work."""
    if post.honeypot_filled:
        return HONEYPOT
    if is_too_fast(post.opened_at, now, runtime_of(request).settings.form_min_seconds):
        return TOO_FAST
    return suspicion_of_agent(request, key)


def read_proof(request: Request, key: Key, post: FormPost) -> tuple[str | None, InvalidMessage | None]:
    """The message id that a form gets from its proof of work, and `UNPROVEN` if it needs one and has none."""
    challenges = runtime_of(request).challenges
    if challenges is None or key.kind != "write":
        return None, None
    message_id = challenges.message_id(post.proof, key.id)
    return message_id, None if message_id else UNPROVEN
