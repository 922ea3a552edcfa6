"""Accounts of the leads and groups that existed before the migration."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from alembic import command
from sqlalchemy import select

from app.scoring.accounts import AccountKey
from app.scoring.facts import Facts, Stamped
from app.storage import accounts as account_store
from app.storage import groups as group_store
from app.storage.accounts import Progress
from app.storage.db import Database
from app.storage.migrations import _config, migrate
from app.storage.tables import events, identities, leads, models, rollouts
from tests.storage.rows import all_leads

AT = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 5)]
MODEL = {"name": "old", "stages": [{"name": "all"}], "traits": {"email": {"trusted": True}}}
ADDRESS = {"email": ["ada@acme.example", AT[0].isoformat(), "m0"]}
"""As traits are stored."""


def lead(number: int, trusted_traits: dict[str, Any]) -> Any:
    times = dict.fromkeys(("stage_since", "created_at", "updated_at"), AT[0])
    empty: dict[str, Any] = {"scores": {}, "tally": {}, "event_count": 1, "model_version": 1, "stage": "all"}
    return leads.insert().values(id=UUID(int=number), traits=ADDRESS, trusted_traits=trusted_traits, **empty, **times)


def link(number: int) -> Any:
    return identities.insert().values(identity=f"user_id:u{number}", lead_id=UUID(int=number), linked_at=AT[0])


def group(day: int, group_id: str, *, trusted: bool, **traits: Any) -> Any:
    """A message of the first lead."""
    texts = {"source": "website", "message_id": f"m{day}", "identity": "user_id:u1", "identities": ["user_id:u1"]}
    names = {"type": "group", "name": "Group Joined", "name_key": "group joined"}
    times = {"occurred_at": AT[day], "received_at": AT[day]}
    empty: dict[str, Any] = {"context": {}, "traits": {}}
    properties = {**traits, "groupId": group_id}
    return events.insert().values(
        id=UUID(int=day), trusted=trusted, properties=properties, **texts, **names, **times, **empty
    )


BEFORE = (
    models.insert().values(version=1, document=MODEL, created_at=AT[0]),
    rollouts.insert().values(id=1, version=1, published_at=AT[0], notify=False, leads=0),
    *(lead(1, ADDRESS), lead(2, ADDRESS), lead(3, {})),
    *map(link, (1, 2, 3)),
    group(1, "initech", trusted=True, plan="pro"),
    group(3, "globex", trusted=False, plan="free"),
    group(2, "initech", trusted=False, plan=None),
)


async def test_existing_leads_and_groups_have_what_the_log_says(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    async with database.write() as connection:
        await connection.run_sync(lambda each: command.upgrade(_config(each), "0010"))
        for statement in BEFORE:
            await connection.execute(statement)
    await migrate(database)
    async with database.read() as connection:
        joined, by_address, distrusted = await all_leads(connection)
        known = await group_store.get_many(connection, ["globex", "initech"])
        logged = (await connection.execute(select(events.c.group_id).order_by(events.c.id))).scalars().all()
        assert await account_store.progress(connection) == Progress(-1)
    assert (joined.account, joined.facts.group) == (AccountKey("group", "globex"), Stamped("globex", AT[3], "m3"))
    assert (by_address.account, by_address.facts.group) == (AccountKey("domain", "acme.example"), None)
    assert distrusted.account is None
    assert known["globex"] == Facts(traits={"plan": Stamped("free", AT[3], "m3")})
    assert known["initech"].traits == {"plan": Stamped(None, AT[2], "m2")}
    assert known["initech"].trusted_traits == {"plan": Stamped("pro", AT[1], "m1")}
    assert logged == ["initech", "initech", "globex"]
    await database.close()
