"""The laws of DESIGN.md, tested with the real writer on real databases. Law 7 concerns only scoring.

LEADSCORE_TEST_EXAMPLES sets how many examples each law tries.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.scoring.engine import CompiledModel, compile_model, ledger
from app.scoring.events import Event
from app.services.erasure import erase_lead
from app.services.sweep import sweep_due
from tests.services.harness import EXAMPLES, NOW, World, event, small_model, with_keep
from tests.services.histories import EMAILS, contested, numbered, one_message, peaceful, split
from tests.services.rebuild import Person, State, broken_chains, event_log, rebuilt, stored

# Each example empties the database, so all of them can share the fixture.
law = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])

MODEL = compile_model(small_model(), version=1)
DAYS = (timedelta(), timedelta(days=20))


def evaluation_of(_person: Person) -> tuple[CompiledModel, datetime]:
    return MODEL, NOW


def state_after(world: World, batches: Sequence[Sequence[Event]]) -> State:
    """The contents of an empty database after these commits."""
    world.reset()
    world.ingest(*batches)
    return world.run(stored(world.service.database))


@law
@given(data=st.data(), history=peaceful())
def test_order_does_not_matter(world: World, data: st.DataObject, history: list[Event]) -> None:
    shuffled = data.draw(st.permutations(history), label="shuffled")
    batches = data.draw(split(shuffled), label="batches")
    assert state_after(world, batches) == rebuilt(history, evaluation_of)


@law
@given(data=st.data(), history=contested(8))
def test_a_message_sent_again_counts_once(world: World, data: st.DataObject, history: list[Event]) -> None:
    batches = data.draw(split(history), label="batches")
    expected = state_after(world, batches)
    world.reset()
    for number, batch in enumerate(batches):
        seen = [each for earlier in batches[: number + 1] for each in earlier]
        again = data.draw(st.lists(st.sampled_from(seen), max_size=4), label="again")
        world.ingest([*batch, *again])
    world.restart()
    world.ingest(history)
    assert world.run(stored(world.service.database)) == expected


@law
@given(data=st.data(), history=contested())
def test_how_messages_are_batched_does_not_matter(world: World, data: st.DataObject, history: list[Event]) -> None:
    batches = data.draw(split(history), label="batches")
    assert state_after(world, batches) == state_after(world, [history])


@law
@given(data=st.data())
def test_when_identities_are_linked_does_not_matter(world: World, data: st.DataObject) -> None:
    keys = ("u1", EMAILS["1"], "a1", "a1-phone")
    lone = [event(key, at=NOW, name="Page Viewed", context={"page": {"path": "/pricing"}}) for key in keys]
    messages = data.draw(st.lists(one_message(["a1"]) | one_message(["a1-phone"]), max_size=4), label="messages")
    links = [event("u1", "a1"), event("u1", EMAILS["1"]), event(EMAILS["1"], "a1-phone")]
    history = numbered([*lone, *messages, *links])
    links, others = history[-3:], history[:-3]
    places = data.draw(st.lists(st.integers(0, len(others)), min_size=3, max_size=3), label="places")
    for link, place in zip(links, sorted(places, reverse=True), strict=True):
        others.insert(place, link)
    state = state_after(world, data.draw(split(others), label="batches"))
    assert state == rebuilt(history, evaluation_of)
    assert len(state) == 1


@law
@given(data=st.data(), history=contested())
def test_the_stored_state_can_be_rebuilt_from_the_event_log(
    world: World, data: st.DataObject, history: list[Event]
) -> None:
    state = state_after(world, data.draw(split(history), label="batches"))
    log = world.run(event_log(world.service.database))
    assert log == history
    assert state == rebuilt(log, evaluation_of)


@law
@given(data=st.data(), history=contested())
def test_erasing_somebody_leaves_what_the_rest_of_the_log_gives(
    world: World, data: st.DataObject, history: list[Event]
) -> None:
    """Also if other people's events named an identity of theirs."""
    before = state_after(world, [history])
    person = data.draw(st.sampled_from(sorted(before)), label="person")
    lead_id = world.run(world.service.lead(person[0])).lead.id
    world.run(erase_lead(world.service.database, world.service.models, lead_id, NOW))
    state = world.run(stored(world.service.database))
    assert state == {each: row for each, row in before.items() if each != person}
    assert state == rebuilt(world.run(event_log(world.service.database)), evaluation_of)


@law
@given(data=st.data(), history=contested())
def test_ledgers_of_stored_leads_add_up(world: World, data: st.DataObject, history: list[Event]) -> None:
    world.reset()
    world.ingest(*data.draw(split(history), label="batches"))
    for each in history:
        lead = world.run(world.service.leads.get_by_identity(each.identities[0], NOW))
        for name, value in lead.evaluation.values.items():
            lines = [Decimal(str(line.points)) for line in ledger(lead.evaluation, name)]
            assert sum(lines) == Decimal(str(value)), name


@law
@given(data=st.data(), history=contested())
def test_every_change_of_stage_has_its_transition(world: World, data: st.DataObject, history: list[Event]) -> None:
    world.reset(with_keep())
    for batch in data.draw(split(history), label="batches"):
        world.service.clock.now += data.draw(st.timedeltas(*DAYS), label="later")
        world.ingest(batch)
        world.run(sweep_due(world.service.database, world.service.models, world.service.clock.now, 100))
    assert world.run(broken_chains(world.service.database, "interest")) == []
