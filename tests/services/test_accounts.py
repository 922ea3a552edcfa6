"""Accounts: what each adds up to, however its leads came, moved, merged and went."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Text, literal

from app.errors import NotFound, ValidationFailed
from app.scoring.accounts import AccountKey
from app.scoring.events import Event
from app.services import account_rollups
from app.services.accounts import AccountFilter, AccountQuery, AccountScore, AccountView, read_account, read_accounts
from app.services.erasure import erase_lead
from app.services.lead_lists import LeadQuery
from app.services.sweep import sweep_due
from app.storage import accounts as account_store
from app.storage.accounts import Progress
from tests.services.damage import damage
from tests.services.feeds import read_all
from tests.services.harness import DOCUMENT, NOW, Service, alias, days_ago, event, serving, small_model
from tests.services.members import traits_stored
from tests.services.test_lookback import lead_id

LOST = {"name": "lost", "when": {"signal": "unheard", "within_days": 14}, "outcome": "lost"}
SIGNALS = DOCUMENT["signals"] | {"unheard": {"on": "Unheard Of"}}
WITH_LOST = small_model(signals=SIGNALS, stages=[*DOCUMENT["stages"], LOST])
RENAMED = small_model(stages=[*DOCUMENT["stages"][:3], {**DOCUMENT["stages"][3], "name": "hot"}, DOCUMENT["stages"][4]])
TRUSTING = small_model(traits={"email": {"trusted": True}, "plan": {"trusted": True}})
ACME, GLOBEX = AccountKey("domain", "acme.example"), AccountKey("group", "globex")


async def count(service: Service) -> None:
    """Count until every account is up to date."""
    await service.feed.number()
    while await account_rollups.take_turn(service.database, service.models):
        pass
    assert not await account_rollups.are_accounts_behind(service.database)


async def account(service: Service, key: AccountKey) -> AccountView:
    await count(service)
    return await read_account(service.database, service.models, key.id, service.clock.now)


async def listed(service: Service, sort: AccountScore | None = None, **wanted: Any) -> list[str]:
    """The keys of the accounts on all pages, each of which holds one."""
    await count(service)
    query, after, keys = AccountQuery(AccountFilter(**wanted), sort), None, list[str]()
    while True:
        views, after = await read_accounts(service.database, service.models, query, after, 1, service.clock.now)
        keys += [str(view.account.key) for view in views]
        if after is None:
            return keys


def person(address: str, *keys: str, **fields: Any) -> Event:
    """An event of somebody with this address, which is also a trait."""
    return event(f"email:{address}", *keys, **{"traits": {"email": address}, **fields})


def group(group_id: str, key: str, at: datetime = NOW, **traits: Any) -> Event:
    return event(key, name="Group Joined", type="group", at=at, properties={**traits, "groupId": group_id})


# --- Which account ----------------------------------------------------------------------------------------------


async def test_people_with_addresses_of_one_site_are_one_account(service: Service) -> None:
    await service.ingest(person("ada@acme.example"), person("info@eu.acme.example"))
    await service.ingest(person("bob@gmail.com"), event("a1"))
    assert (await account(service, ACME)).account.rollup.leads == 2
    assert await listed(service) == ["domain:acme.example"]


@pytest.mark.parametrize(
    "columns", [{"model_version": 99}, {"stage": "lofty"}, {"scores": literal("{", Text)}], ids="".join
)
async def test_a_lead_that_can_not_be_read_does_not_hold_up_the_count(sqlite_url: str, columns: dict[str, Any]) -> None:
    async with serving(sqlite_url, small_model()) as service:
        await service.ingest(person("ada@acme.example"), person("bob@acme.example"), person("eve@else.example"))
        for address in ("ada@acme.example", "eve@else.example"):
            await damage(service.database, await lead_id(service, f"email:{address}"), columns=columns)
        assert await listed(service) == [str(ACME)]
        assert (await account(service, ACME)).account.rollup.leads == 1


async def test_the_group_that_a_lead_joined_last_comes_before_its_address(service: Service) -> None:
    await service.ingest(person("ada@acme.example", "u1"), group("globex", "u1"))
    await service.ingest(group("initech", "u1", at=days_ago(1)))
    assert await listed(service) == ["group:globex"]
    with pytest.raises(NotFound):
        await account(service, ACME)


async def test_a_lead_that_moves_leaves_its_account(service: Service) -> None:
    await service.ingest(person("ada@acme.example", "u1"), person("bob@acme.example"))
    assert (await account(service, ACME)).account.rollup.leads == 2
    await service.ingest(group("globex", "u1"))
    assert (await account(service, ACME)).account.rollup.leads == 1
    assert (await account(service, GLOBEX)).account.rollup.leads == 1


async def test_a_merged_lead_leaves_its_account_to_that_of_the_survivor(service: Service) -> None:
    await service.ingest(group("globex", "u1", at=days_ago(2)), group("initech", "u2", at=days_ago(1)))
    assert sorted(await listed(service)) == ["group:globex", "group:initech"]
    await service.ingest(alias("u1", "u2"))
    assert await listed(service) == ["group:initech"]


async def test_the_feed_says_how_a_lead_moved(service: Service) -> None:
    await service.ingest(person("ada@acme.example", "u1"))
    await service.ingest(group("globex", "u1"))
    lead = (await service.lead("u1")).lead.id
    await erase_lead(service.database, service.models, lead, NOW)
    moves = [change for _, change in await read_all(service.feed) if change.type == "lead.account_changed"]
    ids = [None, str(ACME.id), str(GLOBEX.id), None]
    assert [change.data for change in moves] == [{"from": ids[n], "to": ids[n + 1]} for n in range(3)]
    assert {change.lead_id for change in moves} == {lead}


# --- What it adds up to -----------------------------------------------------------------------------------------


async def test_its_stage_is_the_highest_of_its_leads_and_a_lost_one_only_if_all_are_lost(service: Service) -> None:
    await service.publish(WITH_LOST)
    await service.ingest(person("ada@acme.example"), person("bob@acme.example", name="Unheard Of"))
    rollup = (await account(service, ACME)).account.rollup
    assert (rollup.stage, rollup.stages) == ("sql", {"sql": 1, "lost": 1})
    await service.ingest(person("ada@acme.example", name="Unheard Of"))
    assert (await account(service, ACME)).account.rollup.stage == "lost"


async def test_its_scores_have_the_sum_and_the_lead_that_has_the_highest(service: Service) -> None:
    await service.ingest(person("ada@acme.example"), person("bob@acme.example", name="Feature Used"))
    rollup = (await account(service, ACME)).account.rollup
    assert (rollup.highest["engagement"], rollup.sums["engagement"]) == (25, 29)
    assert rollup.leaders["engagement"] == (await service.lead("email:ada@acme.example")).lead.id


async def test_it_was_seen_whenever_one_of_its_leads_was(service: Service) -> None:
    await service.ingest(person("ada@acme.example", at=days_ago(9)), person("bob@acme.example", at=days_ago(3)))
    await count(service)
    await service.ingest(person("bob@acme.example", name="Ignored", at=days_ago(1)))
    seen = (await account(service, ACME)).seen
    assert (seen.first_at, seen.last_at) == (days_ago(9), days_ago(1))
    assert await listed(service, seen_after=days_ago(1) - timedelta(seconds=1)) == ["domain:acme.example"]
    assert await listed(service, seen_after=days_ago(1)) == []


async def test_time_alone_changes_it_once_its_leads_are_swept(service: Service) -> None:
    await service.ingest(person("ada@acme.example"))
    assert (await account(service, ACME)).account.rollup.stage == "sql"
    for days in (1, 35):
        service.clock.now = NOW + timedelta(days=days)
        await sweep_due(service.database, service.models, service.clock.now, 10)
    assert (await account(service, ACME)).account.rollup.stage == "lead"


# --- What is known of its group ---------------------------------------------------------------------------------


async def test_the_traits_of_a_group_are_the_latest_from_any_of_its_messages(service: Service) -> None:
    await service.ingest(group("globex", "u1", at=days_ago(1), name="Globex", plan="pro", seats=3))
    await service.ingest(group("globex", "u2", at=days_ago(2), name="Old", city="Ulm"))
    await service.ingest(group("globex", "u2", plan=None))
    assert (await account(service, GLOBEX)).traits == {"name": "Globex", "seats": 3, "city": "Ulm"}
    assert "seats" not in (await service.lead("u1")).evaluation.traits


async def test_traits_that_the_model_trusts_are_set_by_secret_keys_alone(service: Service) -> None:
    await service.publish(TRUSTING)
    await service.ingest(group("globex", "u1", plan="enterprise", city="Ulm"))
    assert (await account(service, GLOBEX)).traits == {"city": "Ulm"}
    await service.ingest(replace(group("globex", "u1", at=days_ago(1), plan="free"), trusted=True))
    assert (await account(service, GLOBEX)).traits == {"city": "Ulm", "plan": "free"}


async def test_what_an_erased_lead_said_of_a_group_is_forgotten(service: Service) -> None:
    await service.ingest(group("globex", "u1", name="Globex"), group("globex", "u2", city="Ulm"))
    for key, left in (("u1", {"city": "Ulm"}), ("u2", None)):
        await erase_lead(service.database, service.models, (await service.lead(key)).lead.id, NOW)
        assert (await traits_stored(service, trusted=False)).get("globex") == left
    assert await listed(service) == []


async def test_writers_that_speak_of_a_new_group_at_once_lose_nothing(service: Service, database_url: str) -> None:
    async with serving(database_url) as other:
        for number in range(10):
            await asyncio.gather(
                service.ingest(group(f"g{number}", f"u{number}", one=1)),
                other.ingest(group(f"g{number}", f"u-{number}", two=2)),
            )
    assert await traits_stored(service, trusted=False) == {f"g{number}": {"one": 1, "two": 2} for number in range(10)}


# --- Lists ------------------------------------------------------------------------------------------------------


async def test_accounts_are_listed_by_their_size_or_by_a_score(service: Service) -> None:
    await service.ingest(person("ada@acme.example"), group("globex", "u1"), group("globex", "u2"))
    await service.ingest(*(event(f"u{number}", name="Feature Used") for number in (1, 1, 1, 1, 2, 2, 2, 2)))
    acme, globex = str(ACME), str(GLOBEX)
    assert await listed(service) == [globex, acme]
    assert await listed(service, AccountScore("engagement")) == [acme, globex]
    assert await listed(service, AccountScore("engagement", is_sum=True)) == [globex, acme]
    assert await listed(service, min_scores={AccountScore("engagement"): 20}) == [acme]
    assert await listed(service, min_scores={AccountScore("engagement", is_sum=True): 30}) == [globex]
    assert await listed(service, stages=["sql", "customer"]) == [acme]


async def test_accounts_are_found_by_the_beginning_of_their_domain_id_or_name(service: Service) -> None:
    await service.ingest(person("ada@acme.example"), group("globex", "u1", name="Große 100% AG"), group("42_a", "u2"))
    for prefix, found in {
        "ACME.": [str(ACME)],
        "Glo": [str(GLOBEX)],
        "gro": [str(GLOBEX)],
        "42_": ["group:42_a"],
        "4__a": [],
        "%": [],
        "example": [],
    }.items():
        assert await listed(service, prefix=prefix) == found, prefix


async def test_leads_are_listed_by_their_account(service: Service) -> None:
    await service.ingest(person("ada@acme.example"), person("bob@acme.example"), event("a1"))
    await count(service)
    for key, expected in ((ACME, 2), (GLOBEX, 0)):
        leads, _ = await service.lead_lists.page(LeadQuery(account=key.id), None, 10, NOW)
        assert [lead.lead.account for lead in leads] == [key] * expected


@pytest.mark.parametrize(
    "query",
    [
        AccountQuery(AccountFilter(stages=["hot"])),
        AccountQuery(AccountFilter(min_scores={AccountScore("heat"): 1})),
        AccountQuery(AccountFilter(), AccountScore("heat")),
    ],
    ids=["stage", "min_score", "sort"],
)
async def test_misspelt_names_are_refused(service: Service, query: AccountQuery) -> None:
    with pytest.raises(ValidationFailed, match="unknown"):
        await read_accounts(service.database, service.models, query, None, 10, NOW)


# --- Counting ---------------------------------------------------------------------------------------------------


async def test_an_answer_states_the_position_up_to_which_changes_are_counted(service: Service) -> None:
    await service.ingest(person("ada@acme.example"))
    assert (await account(service, ACME)).position == (await service.feed.bounds()).last
    await service.ingest(person("bob@acme.example"))
    view = await read_account(service.database, service.models, ACME.id, NOW)
    assert (view.account.rollup.leads, view.position < (await service.feed.bounds()).last) == (1, True)


async def test_nothing_is_counted_while_another_process_does_it(postgres_url: str) -> None:
    async with serving(postgres_url, small_model()) as one, serving(postgres_url) as other:
        await one.ingest(person("ada@acme.example"))
        await one.feed.number()
        async with one.database.write() as connection:
            await account_store.lock_progress(connection)
        async with one.database.write() as connection:
            assert await account_store.lock_progress(connection) == Progress()
            assert not await account_rollups.take_turn(other.database, other.models)
        await count(other)
        assert (await account(one, ACME)).account.rollup.leads == 1


async def test_all_accounts_are_counted_again_by_a_published_model(service: Service) -> None:
    await service.ingest(person("ada@acme.example"))
    await count(service)
    version = await service.publish(RENAMED)
    for _ in range(2):
        found = (await account(service, ACME)).account
        assert (found.rollup.stage, found.rollup.stages, found.model_version) == ("hot", {"hot": 1}, version)
        await service.roll_out()


async def test_all_accounts_are_counted_again_if_changes_were_missed(service: Service) -> None:
    await service.ingest(person("ada@acme.example", "u1"))
    await count(service)
    await service.ingest(group("globex", "u1"))
    await service.feed.prune(NOW + timedelta(days=2), 1)
    assert await listed(service) == [str(GLOBEX)]
