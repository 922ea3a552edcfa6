"""A state machine: whatever happens, in whatever order, the database agrees with its own event log.

The plain model that it is compared with is a list of the events that were accepted and of what operators did, the
models by version, and a clock. LEADSCORE_TEST_EXAMPLES sets how many runs each database gets.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from app.documents.leads import ScoreDocument
from app.errors import Gone
from app.scoring.document import ScoringModel
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.events import Event
from app.services.erasure import erase_lead
from app.services.links import merge_leads, split_lead
from app.services.lookback import ScoreView
from app.services.retention import delete_anonymous_leads, delete_old_events
from app.services.retracting import work_off
from app.services.retractions import EventFilter, Retractions
from app.services.sweep import sweep_due
from app.services.writer import Receipt
from app.storage.db import Database
from app.storage.tables import leads, transitions
from tests.services.feeds import are_equal, read_all, replayed
from tests.services.harness import DOCUMENT, EXAMPLES, NOW, World, alias, event, small_model, who, with_signal
from tests.services.histories import EVERY_KEY, one_message
from tests.services.people import Entry, Forgotten, Joined, SplitOff
from tests.services.rebuild import (
    EvaluatedBy,
    Person,
    State,
    broken_chains,
    event_log,
    joined_without_reason,
    rebuilt,
    stored,
)

SQL = {**DOCUMENT["stages"][3], "keep": {"signal": "demo"}}
KEEPING = small_model(stages=[*DOCUMENT["stages"][:3], SQL, DOCUMENT["stages"][4]])
RENAMED = small_model(stages=[*DOCUMENT["stages"][:3], {**SQL, "name": "hot"}, DOCUMENT["stages"][4]])
CALLED_ANEW = {"sql": "hot"}
MODELS = (
    small_model(),
    KEEPING,
    RENAMED,
    with_signal("pricing", {"on": ["Page Viewed"]}),
    with_signal("used", {"on": ["Feature Used", "Unheard Of"]}),
    small_model(traits={"size": {"trusted": True}}),
    small_model(scores={"engagement": {"rules": {"demo": {"signal": "demo", "points": 21, "half_life_days": 9}}}}),
)
messages = one_message(EVERY_KEY)


async def lead_ids(database: Database) -> set[UUID]:
    """The ids of all leads, including merged ones."""
    async with database.read() as connection:
        return set((await connection.execute(select(leads.c.id))).scalars())


async def stages_and_scores(database: Database) -> dict[UUID, tuple[str, dict[str, float]]]:
    """As they are stored, of the leads that were not merged away."""
    query = select(leads.c.id, leads.c.stage, leads.c.scores).where(leads.c.merged_into.is_(None))
    async with database.read() as connection:
        return {row.id: (row.stage, row.scores) for row in await connection.execute(query)}


async def count_transitions(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(transitions))).scalar_one()


def as_served(view: ScoreView) -> object:
    """The parts of an evaluation that a client sees."""
    return ScoreDocument.of_lead(view).model_dump()


class Machine(RuleBasedStateMachine):
    """Commits, merges, models and days, with the expected results in plain lists and dicts."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.world.reset(MODELS[0])
        self.now = NOW
        self.history: list[Entry] = []
        self.retracted: dict[UUID, UUID] = {}
        self.erased: set[UUID] = set()
        self.erased_leads: set[UUID] = set()
        self.redacted: dict[UUID, Event] = {}
        self.summarized: dict[UUID, CompiledModel] = {}
        self.answers_from = datetime.min.replace(tzinfo=UTC)
        self.people: frozenset[Person] = frozenset()
        self.versions: dict[int, CompiledModel] = {1: compile_model(MODELS[0], 1)}
        self.active = 1
        self.ids: set[UUID] = set()
        self.served: list[tuple[UUID, ScoreView]] = []

    @property
    def accepted(self) -> list[Event]:
        """The events that are still in the log."""
        gone = self.erased | self.summarized.keys()
        events = [entry for entry in self.history if isinstance(entry, Event) and entry.id not in gone]
        return [self.redacted.get(each.id, each) for each in events]

    def _pass(self, time: timedelta) -> None:
        self.now += time
        self.world.service.clock.now = self.now

    def _ingest(self, *events: Event) -> None:
        received = [replace(each, id=uuid7(), received_at=self.now) for each in events]
        receipt = self.world.run(self.world.service.ingest(*received))
        known = {(each.source, each.message_id) for each in self.accepted}
        fresh: dict[tuple[str, str], Event] = {}
        for each in received:
            if (each.source, each.message_id) not in known:
                fresh.setdefault((each.source, each.message_id), each)
        self.history += fresh.values()
        people, self.people = self.people, frozenset(self._stored())
        if not any(each.trusted and each.type == "alias" for each in received):
            assert joined_without_reason(people, self.people, received) == []
        assert receipt == Receipt(len(fresh), len(received) - len(fresh), frozenset())

    @rule(message=messages)
    def one_request(self, message: Event) -> None:
        self._ingest(message)

    @rule(batch=st.lists(messages, min_size=2, max_size=4), repeated=st.integers(0, 3))
    def one_batch(self, batch: list[Event], repeated: int) -> None:
        self._ingest(*batch, *batch[:repeated])

    @precondition(lambda self: self.accepted)
    @rule(data=st.data(), beside=st.lists(messages, max_size=2))
    def messages_come_again(self, data: st.DataObject, beside: list[Event]) -> None:
        again = data.draw(st.lists(st.sampled_from(self.accepted), min_size=1, max_size=3), label="again")
        self._ingest(*again, *beside)

    @rule(keys=st.permutations(["u1", "u2", "u3", "a1"]), trusted=st.booleans())
    def one_is_another(self, keys: list[str], trusted: bool) -> None:
        self._ingest(alias(keys[0], keys[1], trusted=trusted, at=self.now))

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

    @precondition(lambda self: self.accepted)
    @rule(data=st.data(), chunk=st.integers(1, 4))
    def events_are_retracted(self, data: st.DataObject, chunk: int) -> None:
        """By one of the filters. The model applies it to its own events."""
        self._pass(timedelta(seconds=1))  # a retraction covers what was received before it
        example = data.draw(st.sampled_from(self.accepted), label="like")
        wanted, matches = data.draw(st.sampled_from(self._filters(example)), label="filter")
        retractions = Retractions(self.world.service.database, self.world.service.models, self.world.service.clock)
        made = self.world.run(retractions.create(wanted, "wrong", "admin")).retraction.id
        self._work_off(chunk)
        for each in self.accepted:
            if matches(each):
                self.retracted.setdefault(each.id, made)

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

    @precondition(lambda self: self.retracted)
    @rule(data=st.data(), chunk=st.integers(1, 4))
    def a_retraction_is_undone(self, data: st.DataObject, chunk: int) -> None:
        self._pass(timedelta(seconds=1))
        undone = data.draw(st.sampled_from(sorted(set(self.retracted.values()))), label="undone")
        retractions = Retractions(self.world.service.database, self.world.service.models, self.world.service.clock)
        self.world.run(retractions.undo(undone, "admin"))
        self._work_off(chunk)
        self.retracted = {
            event_id: each
            for event_id, each in self.retracted.items()
            if each != undone or event_id in self.summarized  # what was deleted can't be restored
        }

    def _work_off(self, chunk: int) -> None:
        service = self.world.service
        work = work_off(service.database, service.models, service.id, service.clock, lambda *_: True, chunk)
        self.world.run(work)
        self._pass(timedelta(seconds=1))

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def somebody_is_erased(self, data: st.DataObject) -> None:
        person = data.draw(st.sampled_from(sorted(self.people)), label="person")
        service = self.world.service
        self.world.run(erase_lead(service.database, service.models, self._lead_id(person[0]), self.now))
        self._forget(person)
        for each in self.accepted:
            left = tuple(identity for identity in each.identities if str(identity) not in person)
            if left != each.identities:
                self.redacted[each.id] = replace(each, identities=left)

    def _forget(self, person: Person) -> None:
        self.erased |= {each.id for each in self.history if isinstance(each, Event) and self._is_by(person, each)}
        left = self.world.run(lead_ids(self.world.service.database))
        self.erased_leads |= self.ids - left
        self.served = [
            (each, answer) for each, answer in self.served if each in left and answer.lead_id not in self.erased_leads
        ]
        self._record(Forgotten(frozenset(who(*person))))

    @staticmethod
    def _is_by(person: Person, event: Event) -> bool:
        return str(event.identities[0]) in person

    @rule(days=st.sampled_from([0, 1, 20]), chunk=st.integers(1, 4))
    def anonymous_leads_are_deleted(self, days: int, chunk: int) -> None:
        before = (self.now - timedelta(days=days)).date()
        state = self._stored()
        service = self.world.service
        self.world.run(delete_anonymous_leads(service.database, before, self.now, lambda _: True, chunk))
        for person in state.keys() - self._stored().keys():
            assert all(key.startswith("anonymous_id:") for key in person)
            assert state[person]["last_seen_at"].date() < before
            self._forget(person)

    @rule(days=st.sampled_from([0, 1, 20]), chunk=st.integers(1, 4))
    def old_events_are_deleted(self, days: float, chunk: int) -> None:
        """Their leads keep what they contributed, as the active model counts it."""
        before, service = self.now - timedelta(days=days), self.world.service
        old = [each for each in self.accepted if each.received_at < before]
        work = delete_old_events(service.database, service.models, before, self.now, lambda *_: True, chunk)
        self.world.run(work)
        if old:
            self.summarized |= {each.id: self.versions[self.active] for each in old}
            self.answers_from = self.now  # at most: see test_retention
        self._pass(timedelta(seconds=1))

    def _lead_id(self, key: str) -> UUID:
        return self.world.run(self.world.service.lead(key)).lead.id

    def _record(self, entry: SplitOff | Joined | Forgotten) -> None:
        self.history.append(entry)
        self.people = frozenset(self._stored())
        self._pass(timedelta(seconds=1))  # what is known of an identity's leads is ordered by time

    @rule(model=st.sampled_from(MODELS))
    def another_model(self, model: ScoringModel) -> None:
        version = self.world.run(self.world.service.publish(model))
        same = model == self.versions[self.active].document
        assert version == (self.active if same else max(self.versions) + 1)
        self.versions.setdefault(version, compile_model(model, version))
        self.active = version

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
        return {person: CALLED_ANEW.get(row["stage"], row["stage"]) for person, row in self._stored().items()}

    @rule(chunk=st.integers(1, 5))
    def model_is_rolled_out(self, chunk: int) -> None:
        assert self.world.run(self.world.service.roll_out(chunk))
        assert {row["model_version"] for row in self._stored().values()} <= {self.active}

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
        today = self._rebuilt(state, lambda _: self.now)
        assert {key: row["stage"] for key, row in state.items()} == {key: row["stage"] for key, row in today.items()}

    @rule()
    def somebody_asks_about_everybody(self) -> None:
        """By every id that a lead has ever had."""
        self.ids = self.world.run(lead_ids(self.world.service.database))
        for lead_id in self.ids:
            answer = self.world.run(self.world.service.leads.score(lead_id, None, self.now))
            self.served.append((lead_id, answer))
        self._pass(timedelta(seconds=1))  # later steps must not share the moment of this answer

    @precondition(lambda self: self.served)
    @rule(data=st.data())
    def somebody_looks_back(self, data: st.DataObject) -> None:
        for lead_id, answer in data.draw(st.lists(st.sampled_from(self.served), min_size=1, max_size=5), label="asked"):
            try:
                again = self.world.run(self.world.service.leads.score(lead_id, answer.as_of, self.now))
            except Gone:
                assert answer.as_of < self.answers_from
            else:
                assert as_served(again) == as_served(answer)

    @rule()
    def process_restarts(self) -> None:
        self.world.restart()

    def _stored(self) -> dict[Person, dict[str, Any]]:
        return self.world.run(stored(self.world.service.database))

    @invariant()
    def the_log_holds_what_was_accepted(self) -> None:
        assert self.world.run(event_log(self.world.service.database)) == self.accepted

    @invariant()
    def the_state_is_that_of_the_log(self) -> None:
        state = self._stored()
        assert state.keys() == rebuilt(self.history, lambda _: (self.versions[1], NOW)).keys()
        assert state == self._rebuilt(state, lambda person: state[person]["updated_at"])

    def _rebuilt(self, state: State, moment_of: Callable[[Person], datetime]) -> State:
        """Each lead by the model that last evaluated it."""

        def evaluation_of(person: Person) -> EvaluatedBy:
            return self.versions[state[person]["model_version"]], moment_of(person)

        without = self.erased | self.retracted.keys()
        return rebuilt(self.history, evaluation_of, lambda person: state[person]["stage"], without, self.summarized)

    @invariant()
    def transitions_lead_to_the_stages(self) -> None:
        assert self.world.run(broken_chains(self.world.service.database, "interest", CALLED_ANEW)) == []

    @invariant()
    def the_feed_leads_to_the_leads(self) -> None:
        """Every lead was created in it, and its changes of stage and scores are complete and in order."""
        changes = [change for _, change in self.world.run(read_all(self.world.service.feed))]
        stages, scores = replayed(changes, CALLED_ANEW)
        rows = self.world.run(stages_and_scores(self.world.service.database))
        assert {lead_id: CALLED_ANEW.get(stage, stage) for lead_id, (stage, _) in rows.items()} == {
            lead_id: CALLED_ANEW.get(stages[lead_id], stages[lead_id]) for lead_id in rows
        }
        assert all(are_equal(scores[lead_id], values) for lead_id, (_, values) in rows.items())
        gone = {UUID(change.data["from"]) for change in changes if change.type == "lead.merged"}
        gone |= {change.lead_id for change in changes if change.type == "lead.erased" and change.lead_id is not None}
        assert gone == stages.keys() - rows.keys()


def test_the_state_can_always_be_rebuilt_from_the_log(world: World) -> None:
    run_state_machine_as_test(
        type("Here", (Machine,), {"world": world}),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow]),
    )
