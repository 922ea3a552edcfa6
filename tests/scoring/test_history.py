"""A lead's facts from its events: as of which moments they were known, and whatever order and portions they come in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.scoring.days import Days
from app.scoring.engine import compile_model
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts
from app.scoring.history import FactsOverTime, Gap, count, fold
from app.scoring.model import load_model

SIGNALS = {"demo": {"on": ["Demo Requested"]}, "used": {"on": ["Feature Used"]}}
MODEL = compile_model(load_model({"name": "m", "signals": SIGNALS, "stages": [{"name": "all"}]}), 1)
DEMO, USED = (MODEL.signals[name].fingerprint for name in SIGNALS)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
U1, A1 = Identity("user_id", "u1"), Identity("anonymous_id", "a1")


def after(days: int) -> datetime:
    return NOON + timedelta(days=days)


MOMENTS = [after(days) for days in (0, 2, 4)]


def event(received_on: int = 0, identity: Identity = U1, name: str = "Demo Requested", **fields: Any) -> Event:
    plain = Event(
        id=UUID(int=0),
        source="test",
        message_id="m1",
        type="track",
        name=name,
        identities=(identity,),
        occurred_at=NOON,
        received_at=after(received_on),
        trusted=False,
        properties={},
        context={},
        traits={},
    )
    return replace(plain, **fields)


def known_events(*events: Event, **since: datetime) -> list[int]:
    """How many events are known at each moment."""
    facts = FactsOverTime(MODEL, {U1: since.get("u1", NOON), A1: since.get("a1", NOON)}, MOMENTS)
    facts.add(events)
    return [known.event_count for known in facts.by_moment().values()]


def test_an_event_is_known_from_the_first_moment_after_it_was_received() -> None:
    assert known_events(event(0), event(1), event(2), event(3)) == [1, 3, 4]


def test_an_event_is_known_only_once_its_identity_is_the_leads() -> None:
    assert known_events(event(0, A1), event(3, A1), a1=after(1)) == [0, 1, 2]


def test_what_is_known_only_later_or_of_somebody_else_is_left_out() -> None:
    assert known_events(event(5), event(0, Identity("user_id", "u2"))) == [0, 0, 0]


def test_facts_stay_the_same_object_while_nothing_becomes_known() -> None:
    facts = FactsOverTime(MODEL, {U1: NOON}, MOMENTS)
    facts.add([event(0)])
    first, *others = facts.by_moment().values()
    assert all(each is first for each in others)


def test_no_events_give_no_facts() -> None:
    assert fold(MODEL, []) == Facts()


def test_only_the_signals_that_are_asked_for_are_counted() -> None:
    events = [event(), event(name="feature used"), event(name="Demo Requested", occurred_at=after(1)), event()]
    assert count(MODEL, events, {DEMO}) == {DEMO: {NOON.toordinal(): 2, after(1).toordinal(): 1}}
    assert count(MODEL, events, {DEMO, USED}) == fold(MODEL, events).tally
    assert count(MODEL, events, ()) == {}


events = st.builds(
    event, st.integers(0, 5), st.sampled_from([U1, A1]), st.sampled_from(["Demo Requested", "Feature Used", "Other"])
)


@given(history=st.lists(events, max_size=12), data=st.data(), linked_on=st.integers(0, 5))
def test_order_and_portions_do_not_show(history: list[Event], data: st.DataObject, linked_on: int) -> None:
    since = {U1: NOON, A1: after(linked_on)}
    at_once = {
        moment: fold(MODEL, [each for each in history if max(each.received_at, since[each.identities[0]]) <= moment])
        for moment in MOMENTS
    }
    facts = FactsOverTime(MODEL, since, MOMENTS)
    shuffled = data.draw(st.permutations(history))
    cut = data.draw(st.integers(0, len(history)))
    facts.add(shuffled[:cut])
    facts.add(shuffled[cut:])
    assert facts.by_moment() == at_once


def test_a_retracted_event_is_not_known_until_it_counts_again() -> None:
    gaps = [Gap(after(1), after(3)), Gap(after(5), None)]
    for moments, known in (([after(0)], [1]), ([after(2)], [0]), ([after(2), after(4)], [0, 1]), ([after(6)], [0])):
        facts = FactsOverTime(MODEL, {U1: NOON}, moments, {UUID(int=0): gaps})
        facts.add([event(0)])
        assert [each.event_count for each in facts.by_moment().values()] == known


def test_a_summary_is_known_once_it_is_exact_and_its_identity_is_the_leads() -> None:
    summary = replace(fold(MODEL, [event()]), tally={DEMO: Days.of({1: 1}), "of another model": Days.of({1: 1})})
    facts = FactsOverTime(MODEL, {U1: NOON, A1: after(3)}, MOMENTS)
    for identity, valid_from in ((U1, after(1)), (A1, after(1)), (U1, after(5)), (Identity("user_id", "u2"), NOON)):
        facts.add_summary(identity, summary, valid_from)
    known = list(facts.by_moment().values())
    assert [each.event_count for each in known] == [0, 1, 2]
    assert known[-1].tally == {DEMO: {1: 2}}
