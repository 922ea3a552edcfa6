"""The steps of the state machine by which messages come in, with the models and the clock that they meet."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from uuid_utils.compat import uuid7

from app.scoring.events import Event
from app.services.releases import Release
from app.services.writer import Receipt
from tests.services.expected import Expected
from tests.services.harness import DOCUMENT, NOW, World, alias, small_model, who, with_signal
from tests.services.histories import EVERY_KEY, one_message
from tests.services.quarantine import quarantine, quarantined, release
from tests.services.rebuild import Person, State, event_log, joined_without_reason, stored

SQL = {**DOCUMENT["stages"][3], "keep": {"signal": "demo"}}
KEEPING = small_model(stages=[*DOCUMENT["stages"][:3], SQL, DOCUMENT["stages"][4]])
RENAMED = small_model(stages=[*DOCUMENT["stages"][:3], {**SQL, "name": "hot"}, DOCUMENT["stages"][4]])
NEW_NAMES = {"sql": "hot"}
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


class MessageSteps(RuleBasedStateMachine):
    """Messages arrive, arrive twice, are quarantined and released. The expected results are in `expected`."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.world.reset(MODELS[0])
        self.now = NOW
        self.expected = Expected(MODELS[0])
        self.people: frozenset[Person] = frozenset()

    def _pass(self, time: timedelta) -> None:
        self.now += time
        self.world.service.clock.now = self.now

    def _lead_id(self, key: str) -> UUID:
        return self.world.run(self.world.service.lead(key)).lead.id

    def _stored(self) -> State:
        return self.world.run(stored(self.world.service.database))

    def _ingest(self, *events: Event) -> None:
        received = [replace(each, id=uuid7(), received_at=self.now) for each in events]
        welcome = self.expected.without_suppressed(received)
        fresh = self.expected.without_duplicates(welcome)
        receipt = self.world.run(self.world.service.ingest(*received))
        duplicates = len(welcome) - len(fresh)
        assert receipt == Receipt(len(received) - duplicates, duplicates, frozenset())  # suppressed ones look accepted
        self._was_stored(fresh)

    def _was_stored(self, events: list[Event]) -> None:
        self.expected.history += events
        people, self.people = self.people, frozenset(self._stored())
        if not any(each.trusted and each.type == "alias" for each in events):
            assert joined_without_reason(people, self.people, events) == []

    @rule(message=messages)
    def one_request(self, message: Event) -> None:
        self._ingest(message)

    @rule(batch=st.lists(messages, min_size=2, max_size=4), repeated=st.integers(0, 3))
    def one_batch(self, batch: list[Event], repeated: int) -> None:
        self._ingest(*batch, *batch[:repeated])

    def _was_anything_sent(self) -> bool:
        return bool(self._sent())

    def _sent(self) -> list[Event]:
        return self.expected.log + self.expected.quarantined

    @precondition(_was_anything_sent)
    @rule(data=st.data(), beside=st.lists(messages, max_size=2))
    def messages_come_again(self, data: st.DataObject, beside: list[Event]) -> None:
        again = data.draw(st.lists(st.sampled_from(self._sent()), min_size=1, max_size=3), label="again")
        self._ingest(*again, *beside)

    @rule(data=st.data(), caught=st.lists(messages, max_size=3))
    def messages_are_quarantined(self, data: st.DataObject, caught: list[Event]) -> None:
        """Some of them may have come before, and counted or not."""
        sent = self._sent()
        again = data.draw(st.lists(st.sampled_from(sent), min_size=1, max_size=2), label="again") if sent else []
        received = [replace(each, id=uuid7(), received_at=self.now) for each in caught + again]
        self.world.run(quarantine(self.world.service, *received))
        self.expected.quarantined += self.expected.without_suppressed(received)

    @precondition(lambda self: self.expected.quarantined)
    @rule(data=st.data(), objects=st.booleans())
    def quarantined_messages_are_released(self, data: st.DataObject, objects: bool) -> None:
        """A second time, nothing is left to release. `objects`: whether somebody whose messages wait does so first."""
        if objects:
            self._suppress(str(self.expected.quarantined[0].identities[0]))
        service, listed = self.world.service, self.world.run(quarantined(self.world.service))
        ids = data.draw(st.sets(st.sampled_from(sorted(listed)), min_size=1), label="ids")
        taken = [each for rejection_id, each in listed.items() if rejection_id in ids]
        welcome = self.expected.without_suppressed(taken)
        fresh = self.expected.without_duplicates(welcome)
        done = self.world.run(release(service, ids))
        duplicates, suppressed = len(welcome) - len(fresh), len(taken) - len(welcome)
        assert done == Release(len(fresh), duplicates, suppressed, skipped=0, left=0)
        assert self.world.run(release(service, ids)) == Release(0, 0, 0, 0, 0)
        self.expected.quarantined = [each for rejection_id, each in listed.items() if rejection_id not in ids]
        self._was_stored(self._as_stored(fresh))

    def _suppress(self, key: str) -> None:
        """What is stored of somebody stays, also what is quarantined: a release leaves it out."""
        self.world.run(self.world.service.suppressions.suppress(who(key), self.now))
        self.expected.suppressed.add(key)

    def _as_stored(self, released: list[Event]) -> list[Event]:
        """Released events are received now, and get new ids in the order of the list."""
        log = self.world.run(event_log(self.world.service.database))
        ids = {(each.source, each.message_id): each.id for each in log}
        return [replace(each, id=ids[each.source, each.message_id], received_at=self.now) for each in released]

    @rule(keys=st.permutations(["u1", "u2", "u3", "a1"]), trusted=st.booleans())
    def one_is_another(self, keys: list[str], trusted: bool) -> None:
        self._ingest(alias(keys[0], keys[1], trusted=trusted, at=self.now))
