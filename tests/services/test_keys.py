"""Keys: created, recognised, listed and revoked; stored as hashes."""

from uuid import UUID

import pytest
from sqlalchemy import Text, cast, select

from app.errors import InvalidKey, NotFound
from app.services.keyring import CACHED_S, KeyRing
from app.services.keys import create_first_keys, create_key, list_keys, revoke_key
from app.storage.db import Database
from app.storage.keys import KEY_KINDS, KeyKind
from app.storage.tables import keys
from tests.services.harness import NOW, days_ago


class Stopwatch:
    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("kind", KEY_KINDS)
async def test_a_key_is_recognised_by_its_secret(database: Database, kind: KeyKind) -> None:
    made = await create_key(database, kind, "website", NOW, origins=["https://x.example"], events=["Page Viewed"])
    assert made.secret.startswith(f"ls_{kind}_")
    assert await KeyRing(database).recognise(made.secret) == made.key
    assert (made.key.origins, made.key.events) == (("https://x.example",), ("Page Viewed",))


@pytest.mark.parametrize("secret", [None, "", "ls_read_x", "ls_read_\ud800", "ls_read_\0"])
async def test_all_invalid_keys_get_the_same_refusal(database: Database, secret: str | None) -> None:
    await create_key(database, "read", "crm", NOW)
    with pytest.raises(InvalidKey):
        await KeyRing(database).recognise(secret)


async def test_no_column_holds_a_secret(database: Database) -> None:
    made = await create_key(database, "admin", "me", NOW)
    async with database.read() as connection:
        row = (await connection.execute(select(*(cast(column, Text) for column in keys.c)))).one()
    random_part = made.secret.removeprefix("ls_admin_")
    assert random_part.startswith(made.key.hint.removeprefix("ls_admin_"))
    assert not any(random_part[6:] in (text or "") for text in row)


async def test_keys_are_listed_oldest_first(database: Database) -> None:
    made = [await create_key(database, kind, kind, NOW) for kind in KEY_KINDS]
    assert await list_keys(database) == [each.key for each in made]


async def test_two_keys_may_share_a_name_but_never_a_secret(database: Database) -> None:
    made = [await create_key(database, "write", "website", NOW) for _ in range(2)]
    assert len({each.secret for each in made}) == len({each.key.id for each in made}) == 2


async def test_a_revoked_key_is_refused(database: Database) -> None:
    made = await create_key(database, "read", "crm", NOW)
    await revoke_key(database, made.key.id, NOW)
    with pytest.raises(InvalidKey):
        await KeyRing(database).recognise(made.secret)


async def test_revoking_a_key_again_keeps_the_first_time(database: Database) -> None:
    made = await create_key(database, "read", "crm", days_ago(3))
    for days in (2, 1):
        await revoke_key(database, made.key.id, days_ago(days))
    assert [each.revoked_at for each in await list_keys(database)] == [days_ago(2)]


async def test_revoking_an_unknown_key_says_where_to_look(database: Database) -> None:
    with pytest.raises(NotFound, match="leadscore keys list"):
        await revoke_key(database, UUID(int=1), NOW)


async def test_a_revoked_key_stops_working_once_the_cache_expires(database: Database) -> None:
    made, clock_s = await create_key(database, "read", "crm", NOW), Stopwatch()
    ring = KeyRing(database, clock_s)
    await ring.recognise(made.secret)
    await revoke_key(database, made.key.id, NOW)
    clock_s.seconds += CACHED_S - 0.001
    assert await ring.recognise(made.secret) == made.key
    clock_s.seconds += 0.001
    with pytest.raises(InvalidKey):
        await ring.recognise(made.secret)


async def test_a_cached_key_needs_no_query(database: Database) -> None:
    made, ring = await create_key(database, "read", "crm", NOW), KeyRing(database, Stopwatch())
    await ring.recognise(made.secret)
    ring._database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")
    assert await ring.recognise(made.secret) == made.key


async def test_an_empty_database_gets_one_key_of_each_kind_and_only_once(database: Database) -> None:
    made = await create_first_keys(database, NOW)
    assert [each.key.kind for each in made] == list(KEY_KINDS)
    assert await create_first_keys(database, NOW) == []
    assert len(await list_keys(database)) == 4
