"""One more event of a lead that has 100,000, against one more of a lead that has 20.

Both leads have two years behind them, are in the same database, and are measured alternately, over one connection: each
event has a transaction of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.scoring.events import Event
from benchmarks.figures import Comparison, Figure
from benchmarks.ingest import make_requests
from benchmarks.people import fill_new, past_event
from benchmarks.processor import Cost, Subject

HOT, QUIET = 0, 1
EVENTS = {HOT: 100_000, QUIET: 20}
DAYS = 730
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Hot:
    """What events of the two leads cost, one for each round."""

    hot: Sequence[Cost]
    quiet: Sequence[Cost]

    def __str__(self) -> str:
        lines = [
            f"one more event of one lead, 1 connection, {ROUNDS} rounds, medians:",
            f"  lead with {EVENTS[HOT]:7,} events   {_summary(self.hot)}",
            f"  lead with {EVENTS[QUIET]:7,} events   {_summary(self.quiet)}",
            f"  ratio, round by round: processor {self._processor.ratio:.2f}   latency {self._latency.ratio:.2f}",
        ]
        return "\n".join(lines)

    @property
    def figures(self) -> list[Figure]:
        name, against = f"one more event of a lead with {EVENTS[HOT]:,}", f"one more of a lead with {EVENTS[QUIET]}"
        return [
            Figure(f"{name}: processor time", against, self._processor.ratio, "at most", 1.2),
            Figure(f"{name}: median latency", against, self._latency.ratio, "at most", 1.2),
        ]

    @property
    def _processor(self) -> Comparison:
        return self._compare(lambda cost: cost.total)

    @property
    def _latency(self) -> Comparison:
        return self._compare(lambda cost: cost.median_ms)

    def _compare(self, measure: Callable[[Cost], float]) -> Comparison:
        return Comparison(list(map(measure, self.hot)), list(map(measure, self.quiet)))


def _summary(costs: Sequence[Cost]) -> str:
    typical = Cost.median(costs)
    return f"{typical}   latency {typical.median_ms:5.2f} ms"


def _past() -> Iterator[Event]:
    for person, events in EVENTS.items():
        yield from (past_event(person, DAYS) for _ in range(events))


def measure() -> Hot:
    with Subject.running(Path.cwd(), lambda url: fill_new(url, _past())) as subject:
        requests = [make_requests(subject.key, people=[person]) for person in (HOT, QUIET)]
        rounds = [[subject.cost(1, next_request) for next_request in requests] for _ in range(ROUNDS + 1)]
    return Hot(*zip(*rounds[1:], strict=True))  # the first round is a warm-up
