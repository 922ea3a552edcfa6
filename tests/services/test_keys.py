"""Keys: created, recognised, listed, rotated and revoked; stored as hashes."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Text, cast, select

from app.errors import InvalidKey, NotFound, Unavailable, ValidationFailed
from app.services.keyring import CACHED_S, KeyRing
from app.services.keys import (
    Key,
    create_chosen_keys,
    create_first_keys,
    create_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from app.storage.db import Database
from app.storage.keys import KEY_KINDS, KeyKind
from app.storage.tables import keys
from app.validation.keys import ChosenKey
from tests.services.harness import NOW, Clock, Stopwatch, days_ago

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("kind", KEY_KINDS)
async def test_a_key_is_recognised_by_its_secret(database: Database, kind: KeyKind) -> None:
    made = await create_key(database, kind, "website", NOW, origins=["https://x.example"], events=["Page Viewed"])
    assert made.secret.startswith(f"ls_{kind}_")
    assert await KeyRing(database, Clock()).recognise(made.secret) == made.key
    assert (made.key.origins, made.key.events) == (("https://x.example",), ("Page Viewed",))


@pytest.mark.parametrize("secret", [None, "", "ls_read_x", "ls_read_\ud800", "ls_read_\0"])
async def test_all_invalid_keys_get_the_same_refusal(database: Database, secret: str | None) -> None:
    await create_key(database, "read", "crm", NOW)
    with pytest.raises(InvalidKey):
        await KeyRing(database, Clock()).recognise(secret)


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
        await KeyRing(database, Clock()).recognise(made.secret)


async def test_revoking_a_key_again_keeps_the_first_time(database: Database) -> None:
    made = await create_key(database, "read", "crm", days_ago(3))
    for days in (2, 1):
        await revoke_key(database, made.key.id, days_ago(days))
    assert [each.revoked_at for each in await list_keys(database)] == [days_ago(2)]


async def test_revoking_an_unknown_key_says_where_to_look(database: Database) -> None:
    with pytest.raises(NotFound, match="list the keys"):
        await revoke_key(database, UUID(int=1), NOW)


async def test_a_revoked_key_stops_working_once_the_cache_expires(database: Database) -> None:
    made, clock_s = await create_key(database, "read", "crm", NOW), Stopwatch()
    ring = KeyRing(database, Clock(), clock_s)
    await ring.recognise(made.secret)
    await revoke_key(database, made.key.id, NOW)
    clock_s.seconds += CACHED_S - 0.001
    assert await ring.recognise(made.secret) == made.key
    clock_s.seconds += 0.001
    with pytest.raises(InvalidKey):
        await ring.recognise(made.secret)


async def test_a_cached_key_needs_no_query(database: Database) -> None:
    made, ring = await create_key(database, "read", "crm", NOW), KeyRing(database, Clock(), Stopwatch())
    await ring.recognise(made.secret)
    ring._database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")
    assert await ring.recognise(made.secret) == made.key


async def test_an_empty_database_gets_one_key_of_each_kind_and_only_once(database: Database) -> None:
    made = await create_first_keys(database, NOW)
    assert [each.key.kind for each in made] == list(KEY_KINDS)
    assert await create_first_keys(database, NOW) == []
    assert len(await list_keys(database)) == 4


async def works(database: Database, secret: str, clock: Clock) -> bool:
    """Asked afresh, without a cache."""
    try:
        await KeyRing(database, clock).recognise(secret)
    except InvalidKey:
        return False
    return True


async def only_key(database: Database) -> Key:
    [key] = await list_keys(database)
    return key


# --- Expiry -----------------------------------------------------------------------------------------------------


async def test_an_expired_key_is_refused_to_the_moment_even_if_it_is_cached(database: Database) -> None:
    made, clock = await create_key(database, "read", "crm", NOW, expires_at=NOW + HOUR), Clock()
    ring = KeyRing(database, clock, Stopwatch())
    clock.now = NOW + HOUR - timedelta(microseconds=1)
    assert (await ring.recognise(made.secret)).expires_at == NOW + HOUR
    clock.now = NOW + HOUR
    with pytest.raises(InvalidKey):
        await ring.recognise(made.secret)


async def test_a_key_can_not_be_created_expired(database: Database) -> None:
    with pytest.raises(ValidationFailed, match="in the future"):
        await create_key(database, "read", "crm", NOW, expires_at=NOW)
    assert await list_keys(database) == []


# --- Rotation ---------------------------------------------------------------------------------------------------


async def test_a_rotated_key_has_two_secrets_until_the_overlap_ends(database: Database) -> None:
    old, clock = await create_key(database, "server", "crm", NOW), Clock()
    new = await rotate_key(database, old.key.id, HOUR, NOW)
    assert new.key == await only_key(database)
    assert new.secret.startswith(new.key.hint)
    ring = KeyRing(database, clock)
    by_old, by_new = [await ring.recognise(each.secret) for each in (old, new)]
    assert (by_old.id, by_old.name, by_old.expires_at) == (old.key.id, "crm", NOW + HOUR)
    assert by_new == new.key
    clock.now = NOW + HOUR
    assert [await works(database, each.secret, clock) for each in (old, new)] == [False, True]


async def test_a_rotation_ends_every_secret_before_it_no_later_than_its_own_overlap(database: Database) -> None:
    made = [await create_key(database, "read", "crm", NOW)]
    for overlap in (2 * HOUR, 3 * HOUR, HOUR, 0 * HOUR):
        made.append(await rotate_key(database, made[0].key.id, overlap, NOW))
    assert [await works(database, each.secret, Clock()) for each in made] == [False, False, False, False, True]


async def test_a_replaced_secret_does_not_outlive_its_key(database: Database) -> None:
    made, clock = await create_key(database, "read", "crm", NOW, expires_at=NOW + HOUR), Clock(NOW + HOUR)
    await rotate_key(database, made.key.id, 2 * HOUR, NOW)
    assert not await works(database, made.secret, clock)


async def test_revoking_a_key_ends_all_of_its_secrets(database: Database) -> None:
    old = await create_key(database, "read", "crm", NOW)
    new = await rotate_key(database, old.key.id, HOUR, NOW)
    await revoke_key(database, old.key.id, NOW)
    assert [await works(database, each.secret, Clock()) for each in (old, new)] == [False, False]


async def test_only_a_key_that_works_can_be_rotated(database: Database) -> None:
    with pytest.raises(NotFound, match="list the keys"):
        await rotate_key(database, UUID(int=1), HOUR, NOW)
    expired = await create_key(database, "read", "crm", days_ago(1), expires_at=NOW)
    with pytest.raises(ValidationFailed, match="has expired"):
        await rotate_key(database, expired.key.id, HOUR, NOW)
    revoked = await create_key(database, "read", "crm", NOW)
    await revoke_key(database, revoked.key.id, NOW)
    with pytest.raises(ValidationFailed, match="was revoked"):
        await rotate_key(database, revoked.key.id, HOUR, NOW)


# --- Uses -------------------------------------------------------------------------------------------------------


async def test_the_last_use_of_a_key_is_stored_at_most_once_a_minute(database: Database) -> None:
    made, clock = await create_key(database, "read", "crm", NOW), Clock()
    ring, stored = KeyRing(database, clock), []
    for seconds in (0, 30, 60, 61, 200):
        clock.now = NOW + timedelta(seconds=seconds)
        await ring.recognise(made.secret)
        await ring.note_uses()
        used_at = (await only_key(database)).last_used_at
        stored.append((used_at - NOW).total_seconds() if used_at else None)
    assert stored == [0, 0, 0, 61, 200]


async def test_a_use_is_never_replaced_by_an_earlier_one(database: Database) -> None:
    made = await create_key(database, "read", "crm", NOW)
    for clock in (Clock(), Clock(days_ago(1))):  # two replicas
        ring = KeyRing(database, clock)
        await ring.recognise(made.secret)
        await ring.note_uses()
    assert (await only_key(database)).last_used_at == NOW


async def test_uses_that_an_outage_keeps_from_being_stored_are_stored_later(database: Database) -> None:
    made, ring = await create_key(database, "read", "crm", NOW), KeyRing(database, Clock())
    await ring.recognise(made.secret)
    ring._database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nowhere")
    with pytest.raises(Unavailable):
        await ring.note_uses()
    ring._database = database
    await ring.note_uses()
    assert (await only_key(database)).last_used_at == NOW


async def test_a_refused_key_counts_as_not_used(database: Database) -> None:
    made, ring = await create_key(database, "read", "crm", NOW), KeyRing(database, Clock())
    await revoke_key(database, made.key.id, NOW)
    with pytest.raises(InvalidKey):
        await ring.recognise(made.secret)
    await ring.note_uses()
    assert (await only_key(database)).last_used_at is None


# --- Keys that an operator chose --------------------------------------------------------------------------------

CHOSEN = [
    ChosenKey("write", "website", "ls_write_" + "0123456789abcdef" * 2),
    ChosenKey("read", "crm", "fedcba9876543210" * 2),
]


async def test_replicas_that_start_together_create_chosen_keys_once(database: Database) -> None:
    created = await asyncio.gather(*(create_chosen_keys(database, CHOSEN, NOW) for _ in range(4)))
    keys_made = await list_keys(database)
    assert sorted(map(len, created)) == [0, 0, 0, 2]
    assert [(key.kind, key.name, key.hint) for key in keys_made] == [
        ("write", "website", "ls_write_012345"),
        ("read", "crm", "fedcba"),
    ]
    assert all([await works(database, each.secret, Clock()) for each in CHOSEN])


async def test_a_chosen_key_is_added_beside_those_that_exist(database: Database) -> None:
    await create_chosen_keys(database, CHOSEN[:1], NOW)
    assert [key.name for key in await create_chosen_keys(database, CHOSEN, NOW)] == ["crm"]


async def test_a_revoked_or_replaced_secret_is_not_brought_back(database: Database) -> None:
    revoked, replaced = await create_chosen_keys(database, CHOSEN, NOW)
    await revoke_key(database, revoked.id, NOW)
    for _ in range(2):
        await rotate_key(database, replaced.id, 0 * HOUR, NOW)
    assert await create_chosen_keys(database, CHOSEN, NOW) == []
    assert not any([await works(database, each.secret, Clock()) for each in CHOSEN])
