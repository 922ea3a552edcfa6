"""Sign-ins in storage: browsers that are signed in, and unused links. Only the hash of a token is stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.storage.queries import fetch_first
from app.storage.tables import keys, sign_ins

SignInKind = Literal["read", "admin"]


@dataclass(frozen=True, slots=True)
class SignIn:
    """`name` is the key's or the user's. `seen_at` is None for a link that nobody has used yet."""

    id: UUID
    name: str
    kind: SignInKind
    created_at: datetime
    seen_at: datetime | None
    expires_at: datetime


async def insert(connection: AsyncConnection, sign_in: SignIn, token_hash: str, key_id: UUID | None) -> None:
    row = {
        "id": sign_in.id,
        "hash": token_hash,
        "kind": sign_in.kind,
        "key_id": key_id,
        "user_name": sign_in.name if key_id is None else None,
        "created_at": sign_in.created_at,
        "seen_at": sign_in.seen_at,
        "expires_at": sign_in.expires_at,
    }
    await connection.execute(sign_ins.insert(), [row])


async def find(connection: AsyncConnection, token_hash: str, now: datetime) -> SignIn | None:
    """The browser with this token, unless its time is over, or its key was revoked or has expired."""
    query = (
        select(
            sign_ins.c.id,
            func.coalesce(keys.c.name, sign_ins.c.user_name).label("name"),
            *(sign_ins.c.kind, sign_ins.c.created_at, sign_ins.c.seen_at, sign_ins.c.expires_at),
        )
        .outerjoin(keys, keys.c.id == sign_ins.c.key_id)
        .where(
            sign_ins.c.hash == token_hash,
            sign_ins.c.seen_at.is_not(None),
            sign_ins.c.expires_at > now,
            keys.c.revoked_at.is_(None),
            or_(keys.c.expires_at.is_(None), keys.c.expires_at > now),
        )
    )
    return await fetch_first(connection, query, SignIn)


async def extend(connection: AsyncConnection, sign_in_id: UUID, seen_at: datetime, expires_at: datetime) -> None:
    values = {"seen_at": seen_at, "expires_at": expires_at}
    await connection.execute(update(sign_ins).where(sign_ins.c.id == sign_in_id).values(values))


async def redeem(
    connection: AsyncConnection, link_hash: str, token_hash: str, now: datetime, expires_at: datetime
) -> bool:
    """Turn an unused link into a signed-in browser with a token of its own. Returns False if there is none."""
    unused = (sign_ins.c.hash == link_hash, sign_ins.c.seen_at.is_(None), sign_ins.c.expires_at > now)
    values = {"hash": token_hash, "created_at": now, "seen_at": now, "expires_at": expires_at}
    return (await connection.execute(update(sign_ins).where(*unused).values(values))).rowcount == 1


async def remove(connection: AsyncConnection, token_hash: str) -> None:
    await connection.execute(delete(sign_ins).where(sign_ins.c.hash == token_hash))


async def prune(connection: AsyncConnection, now: datetime) -> int:
    """Delete those whose time is over."""
    return (await connection.execute(delete(sign_ins).where(sign_ins.c.expires_at <= now))).rowcount
