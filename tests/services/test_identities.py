"""Identity resolution: the Resolver alone and on a database, and the ids of merged leads, which still resolve."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given

from app.errors import NotFound
from app.scoring.events import Event, IdentityKind
from app.services.identities import Resolver
from tests.services.harness import NOW, Service, alias, event, who
from tests.services.histories import public
from tests.services.rebuild import joined_without_reason

OLD, MIDDLE, YOUNG = (UUID(int=number) for number in (1, 2, 3))
NEW = UUID(int=100)


def new_ids() -> Iterator[UUID]:
    return (UUID(int=number) for number in range(NEW.int, NEW.int + 100))


def resolver(**links: UUID) -> Resolver:
    """A resolver with these stored links and the known leads that follow from them."""
    stored = {who(key)[0]: lead for key, lead in links.items()}
    known: dict[UUID, IdentityKind] = {lead: "email" for identity, lead in stored.items() if identity.kind == "email"}
    known |= {lead: "user_id" for identity, lead in stored.items() if identity.kind == "user_id"}
    return Resolver(stored, known, new_ids().__next__)


def admitted(resolver: Resolver, *events: Event) -> list[UUID]:
    """The lead of each event after all of them have been admitted."""
    for each in events:
        resolver.admit(each)
    return [resolver.lead_of(each) for each in events]


def new_links(resolver: Resolver) -> dict[str, UUID]:
    return {identity.value: lead for identity, lead in resolver.new_links.items()}


# --- Joining ----------------------------------------------------------------------------------------------------


def test_an_unknown_identity_creates_a_lead() -> None:
    resolving = resolver()
    assert admitted(resolving, event("a1")) == [NEW]
    assert new_links(resolving) == {"a1": NEW}


def test_an_identity_joins_the_lead_it_appears_with() -> None:
    resolving = resolver(a1=OLD)
    assert admitted(resolving, event("u1", "a1", "e1@x")) == [OLD]
    assert new_links(resolving) == {"u1": OLD, "e1@x": OLD}


def test_an_anonymous_lead_joins_the_known_one_with_its_whole_past() -> None:
    resolving = resolver(a1=OLD, u1=YOUNG)
    assert admitted(resolving, event("u1", "a1")) == [YOUNG]
    assert resolving.merged == {OLD: YOUNG}


def test_one_message_joins_all_leads_of_its_identities() -> None:
    resolving = resolver(u1=MIDDLE, e1=OLD, a1=YOUNG)
    admitted(resolving, event("u1", "e1", "a1"))
    assert resolving.merged == {OLD: MIDDLE, YOUNG: MIDDLE}


def test_links_of_one_batch_build_on_one_another() -> None:
    resolving = resolver()
    leads = admitted(resolving, event("a1"), event("a2"), event("e1", "a2"), event("e1", "a1"), event("a1"))
    assert len(set(leads)) == 1
    assert new_links(resolving) == dict.fromkeys(("a1", "a2", "e1"), leads[0])


def test_a_lead_created_and_merged_in_one_batch_leaves_no_trace() -> None:
    resolving = resolver(u1=OLD)
    assert admitted(resolving, event("a1"), event("u1", "a1")) == [OLD, OLD]
    assert resolving.merged == {}
    assert new_links(resolving) == {"a1": OLD}


# --- Two known people -------------------------------------------------------------------------------------------


def test_two_known_people_stay_separate_and_the_first_claim_wins() -> None:
    resolving = resolver(u1=OLD, a1=OLD, u2=YOUNG)
    assert admitted(resolving, event("u2", "a1"), event("a1")) == [YOUNG, OLD]
    assert (resolving.merged, resolving.new_links) == ({}, {})


def test_a_new_user_does_not_take_over_someone_elses_device() -> None:
    resolving = resolver(u1=OLD, a1=OLD)
    assert admitted(resolving, event("u2", "a1", "e2")) == [NEW]
    assert new_links(resolving) == {"u2": NEW, "e2": NEW}


def test_the_first_claim_wins_within_one_batch_too() -> None:
    resolving = resolver()
    leads = admitted(resolving, event("u1", "a1"), event("u2", "a1"), event("a1"))
    assert leads == [NEW, UUID(int=NEW.int + 1), NEW]


def test_an_anonymous_lead_seen_with_two_known_people_joins_the_named_one() -> None:
    resolving = resolver(u1=OLD, a1=OLD, a2=MIDDLE, u2=YOUNG)
    admitted(resolving, event("u2", "a1", "a2"))
    assert resolving.merged == {MIDDLE: YOUNG}


def test_known_people_linked_only_by_weak_identities_stay_separate() -> None:
    resolving = resolver(u1=OLD, e1=OLD, u2=YOUNG, a2=YOUNG)
    assert admitted(resolving, event("e1", "a2")) == [OLD]
    assert resolving.merged == {}


# --- Addresses, browsers and telephones -------------------------------------------------------------------------


@pytest.mark.parametrize("shared", ["a1", "p1"])
def test_sharing_a_browser_or_phone_does_not_join_addresses(shared: str) -> None:
    resolving = resolver()
    leads = admitted(resolving, event("e1", shared), event("e2", shared), event("e3", shared), event(shared))
    assert len(set(leads)) == 3
    assert leads[3] == leads[0]


@pytest.mark.parametrize("shared", ["a1", "p1"])
@pytest.mark.parametrize("newcomer", ["u1", "e1"])
@pytest.mark.parametrize("owner", ["u2", "e2"])
def test_the_device_of_a_known_person_joins_nobody_else(shared: str, newcomer: str, owner: str) -> None:
    strangers = resolver(**{owner: OLD, shared: OLD})
    assert admitted(strangers, event(newcomer, shared)) == [NEW]
    acquaintances = resolver(**{owner: OLD, shared: OLD, newcomer: YOUNG})
    assert admitted(acquaintances, event(newcomer, shared)) == [YOUNG]
    assert (acquaintances.merged, acquaintances.new_links) == ({}, {})


@pytest.mark.parametrize("used", ["a1", "p1"])
@pytest.mark.parametrize("person", ["u1", "e1"])
def test_an_anonymous_lead_joins_the_first_known_person(used: str, person: str) -> None:
    resolving = resolver(**{used: OLD})
    assert admitted(resolving, event(person, used), event(used)) == [OLD, OLD]


def test_a_phone_number_joins_an_anonymous_visit() -> None:
    resolving = resolver(a1=OLD, p1=YOUNG)
    assert admitted(resolving, event("p1", "a1"), event("u1", "p1")) == [OLD, OLD]


def test_a_user_joins_the_lead_that_is_known_by_that_address() -> None:
    new_user, known_user = resolver(e1=OLD), resolver(e1=OLD, u1=YOUNG)
    assert admitted(new_user, event("u1", "e1")) == [OLD]
    assert admitted(known_user, event("u1", "e1")) == [YOUNG]
    assert known_user.merged == {OLD: YOUNG}


def test_a_user_may_have_several_addresses() -> None:
    resolving = resolver(u1=OLD, e1=OLD, e2=YOUNG)
    assert admitted(resolving, event("u1", "e2"), event("u1", "e3"), event("e3")) == [OLD, OLD, OLD]
    assert resolving.merged == {YOUNG: OLD}


def test_the_address_of_one_user_does_not_join_another_user() -> None:
    resolving = resolver(u1=OLD, e1=OLD)
    assert admitted(resolving, event("u2", "e1"), event("e1")) == [NEW, OLD]
    assert resolving.merged == {}


def test_two_addresses_in_a_message_do_not_join_two_people() -> None:
    resolving = resolver(e1=OLD)
    leads = admitted(resolving, event("e1", "e2"), event("e3", "e4"), event("e2"), event("e4"))
    assert len(set(leads)) == 4
    assert leads[0] == OLD


def test_a_second_address_in_a_message_does_not_join_the_user() -> None:
    resolving = resolver(u1=OLD, e1=OLD, e2=YOUNG)
    admitted(resolving, event("e1", "e2"))
    assert resolving.merged == {}


@given(history=public())
def test_browsers_and_phones_never_join_two_known_people(history: list[Event]) -> None:
    resolving = Resolver({}, {}, new_ids().__next__)
    admitted(resolving, *history)
    people: dict[UUID, list[str]] = {}
    for identity, lead in resolving.new_links.items():
        people.setdefault(lead, []).append(str(identity))
    assert joined_without_reason([], map(tuple, people.values()), history) == []


# --- Aliases ----------------------------------------------------------------------------------------------------


def test_a_trusted_alias_joins_two_known_people() -> None:
    resolving = resolver(u1=OLD, u2=YOUNG)
    assert admitted(resolving, alias("u2", "u1")) == [OLD]
    assert resolving.merged == {YOUNG: OLD}


def test_an_alias_from_a_browser_does_not_join_two_known_people() -> None:
    resolving = resolver(u1=OLD, a1=OLD, u2=YOUNG)
    assert admitted(resolving, alias("u2", "a1", trusted=False)) == [YOUNG]
    assert resolving.merged == {}


def test_an_alias_from_a_browser_joins_an_anonymous_lead() -> None:
    resolving = resolver(a1=OLD, u2=YOUNG)
    admitted(resolving, alias("u2", "a1", trusted=False))
    assert resolving.merged == {OLD: YOUNG}


def test_an_alias_applies_to_people_who_appear_later() -> None:
    assert admitted(resolver(), alias("u2", "u1"), event("u1"), event("u2")) == [NEW] * 3


def test_only_the_alias_itself_may_join_known_people() -> None:
    resolving = resolver(u1=OLD, a1=OLD, u2=YOUNG)
    admitted(resolving, event("u2", "a1", trusted=True))
    assert resolving.merged == {}


def test_a_trusted_alias_joins_people_known_only_by_their_addresses() -> None:
    resolving = resolver(e1=OLD, e2=YOUNG)
    both = event("user_id:e2", "e2", "user_id:e1", "e1", type="alias", trusted=True)
    assert len({*admitted(resolving, both, event("e1"), event("e2"))}) == 1


# --- Survivors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "keys", "survivor"),
    [
        ({"a1": OLD, "a2": YOUNG}, ("a1", "a2"), OLD),
        ({"a1": YOUNG, "a2": OLD}, ("a1", "a2"), OLD),
        ({"e1": YOUNG, "a1": OLD}, ("e1", "a1"), YOUNG),
        ({"u1": YOUNG, "e1": OLD}, ("u1", "e1"), YOUNG),
        ({"p1": YOUNG, "a1": OLD}, ("p1", "a1"), OLD),
        ({"u1": YOUNG, "a1": OLD}, ("u1", "a1"), YOUNG),
        ({"u1": YOUNG, "e1": YOUNG, "a1": OLD}, ("e1", "a1"), YOUNG),
    ],
)
def test_the_identified_lead_survives_or_else_the_older_one(
    links: dict[str, UUID], keys: tuple[str, ...], survivor: UUID
) -> None:
    assert admitted(resolver(**links), event(*keys)) == [survivor]


def test_a_chain_of_merges_ends_at_the_last_survivor() -> None:
    resolving = resolver(a1=OLD, a2=MIDDLE, u1=YOUNG)
    leads = admitted(resolving, event("a1", "a2"), event("u1", "a2"))
    assert leads == [YOUNG, YOUNG]
    assert resolving.merged == {OLD: YOUNG, MIDDLE: YOUNG}


# --- On a database ----------------------------------------------------------------------------------------------


async def test_three_forms_at_a_booth_are_three_leads(service: Service) -> None:
    for number in "123":
        email = f"e{number}@example.com"
        await service.ingest(event(email, "a1", traits={"email": email, "name": f"Guest {number}"}))
    leads = [await service.lead(f"e{number}@example.com") for number in "123"]
    assert [lead.evaluation.traits["name"] for lead in leads] == ["Guest 1", "Guest 2", "Guest 3"]
    assert [lead.identities["anonymous_id"] for lead in leads] == [["a1"], [], []]


@pytest.mark.parametrize("shared", ["a1", "p1"])
@pytest.mark.parametrize(("one", "other"), [("u1", "e2"), ("e1", "u2"), ("e1", "e2"), ("u1", "u2")])
async def test_known_people_stay_separate_across_commits(service: Service, shared: str, one: str, other: str) -> None:
    for message in (event(one, shared), event(other), event(other, shared)):
        await service.ingest(message)
    first, second = await service.lead(one), await service.lead(other)
    assert first.lead.id == (await service.lead(shared)).lead.id != second.lead.id
    assert (first.lead.facts.event_count, second.lead.facts.event_count) == (1, 2)


async def test_a_user_who_gives_an_address_gets_its_past_and_keeps_their_id(service: Service) -> None:
    await service.ingest(event("e1"))
    await service.ingest(event("u1"))
    user = (await service.lead("u1")).lead.id
    await service.ingest(event("u1", "e1"))
    lead = (await service.lead("e1")).lead
    assert (lead.id, lead.facts.event_count) == (user, 3)


# --- Retired ids ------------------------------------------------------------------------------------------------


async def test_the_id_of_a_merged_lead_still_resolves(service: Service) -> None:
    await service.ingest(event("a1"), event("u1"))
    retired, survivor = [(await service.lead(key)).lead.id for key in ("a1", "u1")]
    await service.ingest(event("u1", "a1"))
    found = await service.leads.get(retired, NOW)
    assert found.lead.id == survivor
    assert found.lead.facts.event_count == 3


async def test_ids_resolve_through_a_chain_of_merges(service: Service) -> None:
    await service.ingest(event("a1"), event("a2"), event("u1"), event("u2"))
    ids = [(await service.lead(key)).lead.id for key in ("a1", "a2", "u1", "u2")]
    for link in (event("a1", "a2"), event("u2", "a2"), alias("u1", "u2")):
        await service.ingest(link)
    found = [await service.leads.get(each, NOW) for each in ids]
    assert {each.lead.id for each in found} == {ids[2]}
    assert [each.lead.facts.event_count for each in found] == [7] * 4


async def test_a_lead_merged_within_its_batch_leaves_no_id_behind(service: Service) -> None:
    await service.ingest(event("u1"))
    await service.ingest(event("a1"), event("u1", "a1"))
    lead = (await service.lead("a1")).lead
    assert lead.id == (await service.lead("u1")).lead.id
    assert lead.facts.event_count == 3


async def test_an_unknown_id_is_not_found(service: Service) -> None:
    with pytest.raises(NotFound, match="There is no lead"):
        await service.leads.get(OLD, NOW)


async def test_a_transition_due_to_a_merge_has_merge_as_its_cause(service: Service) -> None:
    await service.ingest(event("u1", name="Unheard Of"), event("a1", name="Order Completed", trusted=True))
    await service.ingest(event("u1", "a1", name="Unheard Of"))
    lead = await service.lead("u1")
    found = (await service.leads.transitions(lead.lead.id, None, 10)).items
    assert lead.standing.stage == "customer"
    assert [(each.transition.to_stage, each.transition.cause) for each in found] == [
        ("customer", "merge"),
        ("customer", "event"),
    ]
