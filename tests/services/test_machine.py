"""A state machine: whatever happens, in whatever order, the database agrees with its own event log.

The plain model that it is compared with is in `expected`; the steps that bring messages in are in `machine`.
LEADSCORE_TEST_EXAMPLES sets how many runs each database gets.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from app.documents.leads import ScoreDocument
from app.errors import Gone
from app.scoring.document import ScoringModel
from app.scoring.events import Event
from app.services.erasure import erase_person
from app.services.links import merge_leads, split_lead
from app.services.lookback import ScoreView
from app.services.retention import delete_anonymous_leads, delete_old_events
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from app.services.sweep import sweep_due
from tests.services.feeds import are_equal, read_all, replayed
from tests.services.harness import EXAMPLES, World, event, who
from tests.services.machine import KEEPING, MODELS, NEW_NAMES, RENAMED, MessageSteps
from tests.services.people import Joined, SplitOff
from tests.services.quarantine import quarantined
from tests.services.rebuild import (
    Person,
    broken_chains,
    count_transitions,
    event_log,
    lead_ids,
    stages_and_scores,
)


class Served(NamedTuple):
    """An answer about a lead, and the keys of the identities that the lead had.

    Whoever has one of them may have been split from the lead when they are erased, with what the answer rests on.
    """

    asked: UUID
    answer: ScoreView
    rests_on: frozenset[str]


def as_served(view: ScoreView) -> object:
    """The parts of an evaluation that a client sees."""
    return ScoreDocument.of_lead(view).model_dump()


class Machine(MessageSteps):
    """Corrections, models and days besides messages, and what has to be true after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.answers_from = datetime.min.replace(tzinfo=UTC)
        self.erased_leads: set[UUID] = set()
        self.ids: set[UUID] = set()
        self.served: list[Served] = []

    def _can_be_split(self) -> bool:
        return any(len(person) > 1 for person in self.people)

    @precondition(_can_be_split)
    @rule(data=st.data(), dry_run=st.booleans())
    def a_lead_is_split(self, data: st.DataObject, dry_run: bool) -> None:
        person = data.draw(st.sampled_from(sorted(each for each in self.people if len(each) > 1)), label="person")
        keys = data.draw(st.sets(st.sampled_from(person), min_size=1, max_size=len(person) - 1), label="keys")
        identities, service = who(*keys), self.world.service
        lead = self._lead_id(person[0])
        split = split_lead(service.database, service.models, lead, identities, self.now, dry_run=dry_run)
        self.world.run(split)
        if not dry_run:
            self._record(SplitOff(frozenset(identities)))
            left = next(key for key in person if key not in keys)
            self._ingest(event(left, str(identities[0]), name="Feature Used", at=self.now))  # which names both sides

    @precondition(lambda self: len(self.people) > 1)
    @rule(data=st.data(), dry_run=st.booleans())
    def leads_are_merged_by_hand(self, data: st.DataObject, dry_run: bool) -> None:
        people = data.draw(st.sets(st.sampled_from(sorted(self.people)), min_size=2, max_size=3), label="people")
        service, ids = self.world.service, [self._lead_id(person[0]) for person in people]
        self.world.run(merge_leads(service.database, service.models, ids, self.now, dry_run=dry_run))
        if not dry_run:
            self._record(Joined(frozenset(who(*(person[0] for person in people)))))

    @precondition(lambda self: self.expected.log)
    @rule(data=st.data(), chunk=st.integers(1, 4))
    def events_are_retracted(self, data: st.DataObject, chunk: int) -> None:
        """By one of the filters. The model applies it to its own events."""
        self._pass(timedelta(seconds=1))  # a retraction covers what was received before it
        example = data.draw(st.sampled_from(self.expected.log), label="like")
        wanted, matches = data.draw(st.sampled_from(self._filters(example)), label="filter")
        retractions = Retractions(self.world.service.database, self.world.service.models, self.world.service.clock)
        made = self.world.run(retractions.create(wanted, "wrong", "admin")).retraction.id
        self._work_off(chunk)
        self.expected.retract(made, matches)

    def _filters(self, example: Event) -> list[tuple[EventFilter, Callable[[Event], bool]]]:
        person = next(each for each in self.people if str(example.identities[0]) in each)
        return [
            (EventFilter(message_ids=[example.message_id]), lambda each: each.message_id == example.message_id),
            (EventFilter(source=example.source), lambda each: each.source == example.source),
            (EventFilter(name=example.name.upper()), lambda each: each.name == example.name),
            (EventFilter(lead_id=self._lead_id(person[0])), lambda each: str(each.identities[0]) in person),
            (
                EventFilter(received_from=example.received_at, received_before=self.now),
                lambda each: example.received_at <= each.received_at,
            ),
        ]

    @precondition(lambda self: self.expected.retracted)
    @rule(data=st.data(), chunk=st.integers(1, 4))
    def a_retraction_is_undone(self, data: st.DataObject, chunk: int) -> None:
        self._pass(timedelta(seconds=1))
        undone = data.draw(st.sampled_from(sorted(set(self.expected.retracted.values()))), label="undone")
        retractions = Retractions(self.world.service.database, self.world.service.models, self.world.service.clock)
        self.world.run(retractions.undo(undone, "admin"))
        self._work_off(chunk)
        self.expected.undo(undone)

    def _work_off(self, chunk: int) -> None:
        service = self.world.service
        work = work_off(service.database, service.models, service.id, service.clock, lambda *_: True, chunk)
        self.world.run(work)
        self._pass(timedelta(seconds=1))

    def _is_anybody_named(self) -> bool:
        return bool(self._named())

    def _named(self) -> list[str]:
        """The identities of leads, of quarantined messages, and of messages that linked nothing."""
        events = {str(identity) for each in self._sent() for identity in each.identities}
        return sorted(events.union(*self.people))

    @precondition(_is_anybody_named)
    @rule(data=st.data(), suppress=st.sampled_from([False, False, True]))
    def somebody_is_erased(self, data: st.DataObject, suppress: bool) -> None:
        """By an identity, which may be one that no lead has."""
        key = data.draw(st.sampled_from(self._named()), label="key")
        person = next((each for each in self.people if key in each), None)
        service, identity = self.world.service, who(key)[0]
        suppressions = service.suppressions if suppress else None
        self.world.run(erase_person(service.database, service.models, identity, self.now, suppressions))
        keys = person or (key,)
        if person:
            self._lead_was_deleted(person)
        self.expected.forget(keys)
        self.expected.suppressed |= set(keys) if suppress else set()

    def _lead_was_deleted(self, person: Person) -> None:
        self.expected.delete_lead(person)
        left = self.world.run(lead_ids(self.world.service.database))
        self.erased_leads |= self.ids - left
        self.served = [
            served
            for served in self.served
            if served.asked in left
            and served.answer.lead_id not in self.erased_leads
            and served.rests_on.isdisjoint(person)
        ]
        self._people_changed()

    @precondition(_is_anybody_named)
    @rule(data=st.data())
    def somebody_objects(self, data: st.DataObject) -> None:
        self._suppress(data.draw(st.sampled_from(self._named()), label="key"))

    @precondition(lambda self: self.expected.suppressed)
    @rule(data=st.data())
    def a_suppression_is_lifted(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.expected.suppressed)), label="key")
        self.world.run(self.world.service.suppressions.remove_by_identity(who(key)[0]))
        self.expected.suppressed.remove(key)

    @rule(days=st.sampled_from([0, 1, 20]), chunk=st.integers(1, 4))
    def anonymous_leads_are_deleted(self, days: int, chunk: int) -> None:
        before = (self.now - timedelta(days=days)).date()
        state = self._stored()
        service = self.world.service
        self.world.run(delete_anonymous_leads(service.database, before, self.now, lambda _: True, chunk))
        for person in state.keys() - self._stored().keys():
            assert all(key.startswith("anonymous_id:") for key in person)
            assert state[person]["last_seen_at"].date() < before
            self._lead_was_deleted(person)

    @rule(days=st.sampled_from([0, 1, 20]), chunk=st.integers(1, 4))
    def old_events_are_deleted(self, days: float, chunk: int) -> None:
        """Their leads keep what they contributed, as the active model counts it."""
        before, service = self.now - timedelta(days=days), self.world.service
        old = [each for each in self.expected.log if each.received_at < before]
        work = delete_old_events(service.database, service.models, before, self.now, lambda *_: True, chunk)
        self.world.run(work)
        if old:
            self.expected.summarize(old)
            self.answers_from = self.now  # at most: see test_retention
        self._pass(timedelta(seconds=1))

    def _record(self, entry: SplitOff | Joined) -> None:
        self.expected.history.append(entry)
        self._people_changed()

    def _people_changed(self) -> None:
        self.people = frozenset(self._stored())
        self._pass(timedelta(seconds=1))  # what is known of an identity's leads is ordered by time

    @rule(model=st.sampled_from(MODELS))
    def another_model(self, model: ScoringModel) -> None:
        version = self.world.run(self.world.service.publish(model))
        assert version == self.expected.publish(model)

    @rule(names=st.permutations([KEEPING, RENAMED]))
    def a_stage_is_renamed(self, names: list[ScoringModel]) -> None:
        """No lead changes stage, if it was in the stage where the model puts or keeps it."""
        self.another_model(names[0])
        self.model_is_rolled_out(5)
        before, moved = self._stages_by_new_names(), self.world.run(count_transitions(self.world.service.database))
        self.another_model(names[1])
        self.model_is_rolled_out(5)
        assert self._stages_by_new_names() == before
        assert self.world.run(count_transitions(self.world.service.database)) == moved

    def _stages_by_new_names(self) -> dict[Person, str]:
        stages = {person: str(row["stage"]) for person, row in self._stored().items()}
        return {person: NEW_NAMES.get(stage, stage) for person, stage in stages.items()}

    @rule(chunk=st.integers(1, 5))
    def model_is_rolled_out(self, chunk: int) -> None:
        assert self.world.run(self.world.service.roll_out(chunk))
        assert {row["model_version"] for row in self._stored().values()} <= {self.expected.active}

    @rule()
    def a_rollout_is_interrupted(self) -> None:
        """Some leads are left to the model before, until a rollout goes on."""
        self.world.run(self.world.service.roll_out(1, lambda *_: False))

    @rule(days=st.sampled_from([0.5, 1, 5, 16, 31]))
    def time_passes_and_leads_are_swept(self, days: float) -> None:
        self._pass(timedelta(days=days))
        service = self.world.service
        while self.world.run(sweep_due(service.database, service.models, self.now, 3))[0]:
            pass
        self._assert_stages_are_current()

    def _assert_stages_are_current(self) -> None:
        """Whether just swept or evaluated, each lead is in the stage that today's evaluation gives."""
        state = self._stored()
        today = self.expected.leads(state, lambda _: self.now)
        assert {key: row["stage"] for key, row in state.items()} == {key: row["stage"] for key, row in today.items()}

    @rule()
    def somebody_asks_about_everybody(self) -> None:
        """By every id that a lead has ever had."""
        self.ids = self.world.run(lead_ids(self.world.service.database))
        for lead_id in self.ids:
            answer = self.world.run(self.world.service.leads.score(lead_id, None, self.now))
            view = self.world.run(self.world.service.leads.get(lead_id, self.now))
            keys = {f"{kind}:{value}" for kind, values in view.identities.items() for value in values}
            self.served.append(Served(lead_id, answer, frozenset(keys)))
        self._pass(timedelta(seconds=1))  # later steps must not share the moment of this answer

    @precondition(lambda self: self.served)
    @rule(data=st.data())
    def somebody_looks_back(self, data: st.DataObject) -> None:
        asked = data.draw(st.lists(st.sampled_from(self.served), min_size=1, max_size=5), label="asked")
        for lead_id, answer, _ in asked:
            try:
                again = self.world.run(self.world.service.leads.score(lead_id, answer.as_of, self.now))
            except Gone:
                assert answer.as_of < self.answers_from
            else:
                assert as_served(again) == as_served(answer)

    @rule()
    def process_restarts(self) -> None:
        self.world.restart()

    @invariant()
    def the_log_holds_what_was_accepted(self) -> None:
        assert self.world.run(event_log(self.world.service.database)) == self.expected.log

    @invariant()
    def the_list_holds_what_was_quarantined(self) -> None:
        assert list(self.world.run(quarantined(self.world.service)).values()) == self.expected.quarantined

    @invariant()
    def the_state_is_that_of_the_log(self) -> None:
        state = self._stored()
        assert state.keys() == self.expected.people()
        assert state == self.expected.leads(state, lambda person: state[person]["updated_at"])

    @invariant()
    def transitions_lead_to_the_stages(self) -> None:
        assert self.world.run(broken_chains(self.world.service.database, "interest", NEW_NAMES)) == []

    @invariant()
    def the_feed_leads_to_the_leads(self) -> None:
        """Every lead was created in it, and its changes of stage and scores are complete and in order."""
        changes = [change for _, change in self.world.run(read_all(self.world.service.feed))]
        stages, scores = replayed(changes, NEW_NAMES)
        rows = self.world.run(stages_and_scores(self.world.service.database))
        assert {lead_id: NEW_NAMES.get(stage, stage) for lead_id, (stage, _) in rows.items()} == {
            lead_id: NEW_NAMES.get(stages[lead_id], stages[lead_id]) for lead_id in rows
        }
        assert all(are_equal(scores[lead_id], values) for lead_id, (_, values) in rows.items())
        gone = {UUID(change.data["from"]) for change in changes if change.type == "lead.merged"}
        gone |= {change.lead_id for change in changes if change.type == "lead.erased" and change.lead_id is not None}
        assert gone == stages.keys() - rows.keys()


def test_the_state_can_always_be_rebuilt_from_the_log(world: World) -> None:
    run_state_machine_as_test(
        type("Here", (Machine,), {"world": world}),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow]),
    )
