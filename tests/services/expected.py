"""What the database should hold: the model of the state machine, in plain lists and dicts.

Nothing is forgotten: what was deleted, retracted or erased is remembered as such.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from app.scoring.document import ScoringModel
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.events import Event
from tests.services.harness import who
from tests.services.people import Entry, Forgotten, people_of
from tests.services.rebuild import EvaluatedBy, Person, State, rebuilt


@dataclass
class Expected:
    """`history`: the events that were accepted and what operators did, in order.

    `retracted`: the retraction of each retracted event. `erased`: the ids of deleted events of erased people.
    `redacted`: events of others that named them. `summarized`: for events that retention deleted, the model that
    counted them. `quarantined`: what is on the list, the oldest first. `suppressed`: identities, as `kind:value`.
    `versions`: the models by version.
    """

    first_model: ScoringModel
    history: list[Entry] = field(default_factory=list)
    retracted: dict[UUID, UUID] = field(default_factory=dict)
    erased: set[UUID] = field(default_factory=set)
    redacted: dict[UUID, Event] = field(default_factory=dict)
    summarized: dict[UUID, CompiledModel] = field(default_factory=dict)
    quarantined: list[Event] = field(default_factory=list)
    suppressed: set[str] = field(default_factory=set)
    active: int = 1

    def __post_init__(self) -> None:
        self.versions = {1: compile_model(self.first_model, 1)}

    @property
    def log(self) -> list[Event]:
        """The events that are still in the log."""
        gone = self.erased | self.summarized.keys()
        events = [entry for entry in self.history if isinstance(entry, Event) and entry.id not in gone]
        return [self.redacted.get(each.id, each) for each in events]

    # --- Messages -----------------------------------------------------------------------------------------------

    def without_suppressed(self, events: Iterable[Event]) -> list[Event]:
        return [each for each in events if self.suppressed.isdisjoint(map(str, each.identities))]

    def without_duplicates(self, events: Iterable[Event]) -> list[Event]:
        """The first with each source and message id, unless the log has it."""
        known = {(each.source, each.message_id) for each in self.log}
        fresh: dict[tuple[str, str], Event] = {}
        for each in events:
            if (each.source, each.message_id) not in known:
                fresh.setdefault((each.source, each.message_id), each)
        return list(fresh.values())

    # --- What operators do --------------------------------------------------------------------------------------

    def retract(self, retraction: UUID, matches: Callable[[Event], bool]) -> None:
        for each in self.log:
            if matches(each):
                self.retracted.setdefault(each.id, retraction)

    def undo(self, retraction: UUID) -> None:
        """Events that were deleted since can't be restored."""
        self.retracted = {
            event_id: each
            for event_id, each in self.retracted.items()
            if each != retraction or event_id in self.summarized
        }

    def summarize(self, events: Iterable[Event]) -> None:
        """Delete events. Their leads keep what they contributed, as the active model counts it."""
        self.summarized |= {each.id: self.versions[self.active] for each in events}

    def publish(self, model: ScoringModel) -> int:
        """The version that the model gets. It is the active one if that is the same model."""
        if model != self.versions[self.active].document:
            self.active = max(self.versions) + 1
            self.versions[self.active] = compile_model(model, self.active)
        return self.active

    # --- Erasure ------------------------------------------------------------------------------------------------

    def delete_lead(self, person: Person) -> None:
        """Delete a lead with its events."""
        events = [entry for entry in self.history if isinstance(entry, Event)]
        self.erased |= {each.id for each in events if str(each.identities[0]) in person}
        self.history.append(Forgotten(frozenset(who(*person))))

    def forget(self, keys: Collection[str]) -> None:
        """Remove somebody's identities from whatever else names them."""
        self.quarantined = [each for each in self.quarantined if not _names(each, keys)]
        for each in self.log:
            if _names(each, keys):
                left = tuple(identity for identity in each.identities if str(identity) not in keys)
                self.redacted[each.id] = replace(each, identities=left)

    # --- The leads ----------------------------------------------------------------------------------------------

    def people(self) -> set[Person]:
        return {tuple(sorted(map(str, person))) for person in people_of(self.history)}

    def leads(self, state: State, moment_of: Callable[[Person], datetime]) -> State:
        """Each lead by the model that last evaluated it. `state` has which one that was, and the stages until then."""

        def evaluation_of(person: Person) -> EvaluatedBy:
            return self.versions[state[person]["model_version"]], moment_of(person)

        without = self.erased | self.retracted.keys()
        return rebuilt(self.history, evaluation_of, lambda person: state[person]["stage"], without, self.summarized)


def _names(event: Event, keys: Collection[str]) -> bool:
    return not set(map(str, event.identities)).isdisjoint(keys)
