"""The facts of one event, and which of two values wins. The laws of merging are in `test_laws.py`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.scoring.days import one_hit_on
from app.scoring.events import MAX_TRAIT_LENGTH, Event, Identity
from app.scoring.facts import MAX_TRAITS, Facts, Stamped, facts_of, group_facts_of, merge

MORNING = datetime(2026, 3, 10, 8, tzinfo=UTC)
EVENING = datetime(2026, 3, 10, 20, tzinfo=UTC)
PAGE = {"url": "https://acme.example/", "referrer": "https://www.google.com/"}


def event(**fields: Any) -> Event:
    plain = Event(
        id=UUID(int=0),
        source="test",
        message_id="m1",
        type="track",
        name="Something Done",
        identities=(Identity("user_id", "u1"),),
        occurred_at=MORNING,
        received_at=EVENING,
        trusted=True,
        properties={},
        context={},
        traits={},
    )
    return replace(plain, **fields)


def test_the_facts_of_an_event_have_the_time_when_it_occurred() -> None:
    assert facts_of(event(traits={"plan": "pro"}), ["f1", "f2"]) == Facts(
        tally={"f1": one_hit_on(MORNING.toordinal()), "f2": one_hit_on(MORNING.toordinal())},
        traits={"plan": Stamped("pro", MORNING, "m1")},
        trusted_traits={"plan": Stamped("pro", MORNING, "m1")},
        first_seen_at=MORNING,
        last_seen_at=MORNING,
        event_count=1,
    )


def test_a_group_message_gives_the_lead_its_group_and_the_group_its_traits() -> None:
    message = event(type="group", trusted=False, properties={"groupId": "g1", "plan": "pro"}, traits={"city": "Ulm"})
    facts = facts_of(message, [])
    assert (facts.group, list(facts.traits)) == (Stamped("g1", MORNING, "m1"), ["city"])
    assert group_facts_of(message) == Facts(traits={"plan": Stamped("pro", MORNING, "m1")})
    assert facts_of(replace(message, type="track"), []).group is None


def test_an_event_from_a_page_sets_the_source() -> None:
    source = facts_of(event(context={"page": PAGE}), []).source
    assert source == Stamped(
        {"channel": "organic_search", "referrer": "https://www.google.com/", "utm": {}}, MORNING, "m1"
    )


def test_the_properties_of_a_page_call_describe_the_page() -> None:
    source = facts_of(event(type="page", properties=PAGE), []).source
    assert source is not None
    assert source.value["channel"] == "organic_search"


def test_the_url_property_of_any_other_event_does_not_set_the_source() -> None:
    assert (
        facts_of(event(name="Link Clicked", properties={"url": "https://partner.example/?gclid=1"}), []).source is None
    )


def test_the_first_touch_is_the_source_whatever_the_order_of_arrival() -> None:
    first = facts_of(event(context={"page": PAGE}), [])
    later = facts_of(event(context={"page": {"url": "https://acme.example/"}}, occurred_at=EVENING), [])
    assert merge([later, first]).source == first.source


def test_two_sources_with_equal_message_id_and_moment_are_ordered_by_value() -> None:
    one, other = (facts_of(event(traits={"plan": plan}), []) for plan in ("pro", "free"))
    assert merge([one, other]).known_traits() == merge([other, one]).known_traits() == {"plan": "pro"}


def test_a_removed_trait_leaves_a_tombstone() -> None:
    some = facts_of(event(traits={"plan": None, "size": 0}), [])
    assert some.known_traits() == {"size": 0}
    assert some.traits["plan"].value is None


def test_the_number_of_traits_is_limited_and_the_oldest_are_dropped() -> None:
    days = [MORNING + timedelta(days=number) for number in range(MAX_TRAITS + 2)]
    parts = [facts_of(event(occurred_at=day, traits={str(day): 1}), ()) for day in days]
    assert merge(parts).traits.keys() == set(map(str, days[2:]))
    assert len(facts_of(event(traits=dict.fromkeys(map(str, days), 1)), ()).traits) == MAX_TRAITS


def test_a_trait_that_is_too_long_is_ignored() -> None:
    long = {"text": "x" * MAX_TRAIT_LENGTH, "list": ["x"] * MAX_TRAIT_LENGTH, "k" * MAX_TRAIT_LENGTH: 1, "short": "x"}
    assert facts_of(event(traits=long), ()).known_traits() == {"short": "x"}


def test_a_trusted_trait_has_the_value_from_secret_keys_even_if_public_keys_sent_a_later_one() -> None:
    crm = facts_of(event(traits={"size": 500, "plan": "pro"}), [])
    page = facts_of(event(traits={"size": 1, "plan": "free"}, trusted=False, occurred_at=EVENING), [])
    for parts in ([crm, page], [page, crm]):
        assert merge(parts).known_traits({"size"}) == {"size": 500, "plan": "free"}
        assert merge(parts).known_traits() == {"size": 1, "plan": "free"}


@pytest.mark.parametrize("said", [1, None, {"size": 1}])
def test_a_trusted_trait_that_only_public_keys_sent_is_unknown(said: Any) -> None:
    assert facts_of(event(traits={"size": said}, trusted=False), []).known_traits({"size"}) == {}


def test_only_a_secret_key_can_remove_a_trusted_trait() -> None:
    crm = facts_of(event(traits={"size": 500}), [])
    for trusted, known in ((False, {"size": 500}), (True, {})):
        removed = facts_of(event(traits={"size": None}, trusted=trusted, occurred_at=EVENING), [])
        assert merge([removed, crm]).known_traits({"size"}) == known


def test_dotted_names_below_a_trusted_trait_are_trusted_too() -> None:
    page = facts_of(event(traits={"company.size": 1, "company.x.y": 1, "companywide": 1}, trusted=False), [])
    assert page.known_traits({"company"}) == {"companywide": 1}
    assert facts_of(event(traits={"company.size": 9}), []).known_traits({"company"}) == {"company.size": 9}


def test_a_flood_of_public_traits_does_not_displace_trusted_ones() -> None:
    crm = facts_of(event(traits={"size": 500}), [])
    flood = facts_of(event(traits=dict.fromkeys(map(str, range(600)), 1), trusted=False, occurred_at=EVENING), [])
    both = merge([crm, flood])
    assert both.known_traits({"size"})["size"] == 500
    assert (len(both.traits), len(both.trusted_traits)) == (MAX_TRAITS, 1)


def test_first_and_last_seen_and_the_count_cover_all_parts() -> None:
    both = merge([facts_of(event(occurred_at=EVENING), []), facts_of(event(), []), Facts()])
    assert (both.first_seen_at, both.last_seen_at, both.event_count) == (MORNING, EVENING, 2)


def test_an_identity_is_written_as_kind_and_value() -> None:
    assert str(Identity("email", "ada@acme.example")) == "email:ada@acme.example"
