"""Signing in to the screen: random tokens for browsers, and links that are good for one sign-in."""

import secrets
from datetime import datetime, timedelta
from typing import get_args

from uuid_utils.compat import uuid7

from app.errors import InsufficientScope
from app.services.keys import Key, hash_of
from app.storage import sign_ins as sign_in_store
from app.storage.db import Database
from app.storage.sign_ins import SignIn, SignInKind

MAX_IDLE = timedelta(hours=12)
MAX_AGE = timedelta(days=7)
LINK_AGE = timedelta(minutes=10)
SEEN_EVERY = timedelta(minutes=1)
"""How often it is written down that a browser was seen, so that not every page is a write."""

SIGN_IN_KINDS: tuple[SignInKind, ...] = get_args(SignInKind)


async def sign_in_with_key(database: Database, key: Key, now: datetime) -> str:
    """The token of a browser that is now signed in. Raises `InsufficientScope` for a key that can't read."""
    if key.kind not in SIGN_IN_KINDS:
        raise InsufficientScope(f"A key of kind {key.kind} can't read leads: use a key of kind read or admin.")
    token = _new_token()
    async with database.write() as connection:
        sign_in = SignIn(uuid7(), key.name, key.kind, now, now, now + MAX_IDLE)
        await sign_in_store.insert(connection, sign_in, hash_of(token), key.id)
    return token


async def create_link(database: Database, user: str, kind: SignInKind, now: datetime) -> str:
    """The token of a link with which one browser can sign in as this user within `LINK_AGE`."""
    token = _new_token()
    async with database.write() as connection:
        link = SignIn(uuid7(), user, kind, now, None, now + LINK_AGE)
        await sign_in_store.insert(connection, link, hash_of(token), None)
    return token


async def redeem_link(database: Database, link_token: str, now: datetime) -> str | None:
    """The token of the browser that is now signed in; None if the link is unknown, used or too old."""
    token = _new_token()
    async with database.write() as connection:
        is_redeemed = await sign_in_store.redeem(connection, hash_of(link_token), hash_of(token), now, now + MAX_IDLE)
    return token if is_redeemed else None


async def find_sign_in(database: Database, token: str, now: datetime) -> SignIn | None:
    """The browser with this token, which stays signed in for another `MAX_IDLE`, at most until `MAX_AGE`."""
    async with database.read() as connection:
        sign_in = await sign_in_store.find(connection, hash_of(token), now)
    if sign_in is not None and sign_in.seen_at is not None and now - sign_in.seen_at >= SEEN_EVERY:
        expires_at = min(now + MAX_IDLE, sign_in.created_at + MAX_AGE)
        async with database.write() as connection:
            await sign_in_store.extend(connection, sign_in.id, now, expires_at)
    return sign_in


async def sign_out(database: Database, token: str) -> None:
    async with database.write() as connection:
        await sign_in_store.remove(connection, hash_of(token))


async def prune_sign_ins(database: Database, now: datetime) -> None:
    async with database.write() as connection:
        await sign_in_store.prune(connection, now)


def _new_token() -> str:
    return secrets.token_urlsafe(32)


__all__ = [
    "SignInKind",
    "create_link",
    "find_sign_in",
    "prune_sign_ins",
    "redeem_link",
    "sign_in_with_key",
    "sign_out",
]
