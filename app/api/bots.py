"""Signs of bots in a request."""

import asyncio
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


async def id_by_proof(request: Request, key: Key, post: FormPost) -> str | None:
    """The message id that a form gets from its proof of work; None if it has no valid one.

    Checking takes milliseconds of hashing, without Python's lock: in a thread, it delays no other request.
    """
    challenges = runtime_of(request).challenges
    if challenges is None or post.proof is None:
        return None
    return await asyncio.to_thread(challenges.message_id, post.proof, key.id)


def suspicion_of_form(
    request: Request, key: Key, post: FormPost, message_id: str | None, now: datetime
) -> InvalidMessage | None:
    """`message_id` is the one that the form gets from its proof of work."""
    runtime = runtime_of(request)
    if post.honeypot_filled:
        return HONEYPOT
    if is_too_fast(post.opened_at, now, runtime.settings.form_min_seconds):
        return TOO_FAST
    needs_proof = runtime.challenges is not None and key.kind == "write"
    return suspicion_of_agent(request, key) or (UNPROVEN if needs_proof and message_id is None else None)
