"""What an event costs in processor time with 200,000 leads and 1,000,000 events stored, against few.

Both servers have a PostgreSQL of their own, and are measured alternately. 5,000 people send the events. Both databases
have them from the start, since a new lead costs more, and the second has nobody else. LEADSCORE_TEST_LEADS sets another
number of leads, with five events each.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Comparison, Figure
from benchmarks.ingest import CONNECTIONS, PERSONS, make_requests
from benchmarks.people import EVENTS_EACH, LEADS, everybodys_events, fill_new
from benchmarks.processor import Cost, Subject

ROUNDS = 7
POPULATION = f"{LEADS:,} leads and {LEADS * EVENTS_EACH:,} events stored"


@dataclass(frozen=True, slots=True)
class Stored:
    """What events cost in the two databases, one for each round."""

    full: Sequence[Cost]
    small: Sequence[Cost]

    def __str__(self) -> str:
        lines = [
            f"one event a request, {CONNECTIONS} connections, {ROUNDS} rounds, medians of processor time:",
            f"  {POPULATION}   {Cost.median(self.full)}",
            f"  only those of the {PERSONS:,} senders   {Cost.median(self.small)}",
            f"  ratio, round by round: {self._processor.ratio:.2f}",
        ]
        return "\n".join(lines)

    @property
    def figures(self) -> list[Figure]:
        name = f"an event with {POPULATION}: processor time"
        return [Figure(name, f"only those of the {PERSONS:,} senders", self._processor.ratio, "at most", 1.1)]

    @property
    def _processor(self) -> Comparison:
        return Comparison([cost.total for cost in self.full], [cost.total for cost in self.small])


def measure() -> Stored:
    with ExitStack() as stack:
        subjects = [_filled(stack, leads) for leads in (LEADS, PERSONS)]
        requests = [make_requests(subject.key) for subject in subjects]
        rounds = [
            [subject.cost(CONNECTIONS, next_request) for subject, next_request in zip(subjects, requests, strict=True)]
            for _ in range(ROUNDS + 1)
        ]
    return Stored(*zip(*rounds[1:], strict=True))  # the first round is a warm-up


def _filled(stack: ExitStack, leads: int) -> Subject:
    return stack.enter_context(Subject.running(Path.cwd(), lambda url: fill_new(url, everybodys_events(leads))))
