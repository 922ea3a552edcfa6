"""What an event costs in processor time, the server's and PostgreSQL's.

`python -m benchmarks costs` measures this checkout; with LEADSCORE_TEST_BESIDE=/path also another one, in alternation.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest import CONNECTIONS, make_requests
from benchmarks.processor import SECONDS, Cost, Subject

ROUNDS = 7
SIZES = (1, 20)
"""How many events a request has."""


@dataclass(frozen=True, slots=True)
class Costs:
    """By the size of a request and by checkout, one for each round."""

    costs: Mapping[int, Mapping[Path, Sequence[Cost]]]

    def __str__(self) -> str:
        return "\n".join(line for size, by_tree in self.costs.items() for line in _lines(size, by_tree))


def _lines(size: int, by_tree: Mapping[Path, Sequence[Cost]]) -> list[str]:
    title = f"{size} events a request, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, medians:"
    return [title, *(f"  {tree.name:20} {_summary(costs)}" for tree, costs in by_tree.items())]


def _summary(costs: Sequence[Cost]) -> str:
    typical = Cost.median(costs)
    return f"{typical}   {typical.per_second:7,.0f}/s"


def measure() -> Costs:
    beside = os.environ.get("LEADSCORE_TEST_BESIDE")
    trees = [Path.cwd(), *([Path(beside)] if beside else [])]
    with ExitStack() as stack:
        subjects = {tree: stack.enter_context(Subject.running(tree)) for tree in trees}
        return Costs({size: _rounds(subjects, size) for size in SIZES})


def _rounds(subjects: Mapping[Path, Subject], size: int) -> dict[Path, list[Cost]]:
    costs: dict[Path, list[Cost]] = {tree: [] for tree in subjects}
    for _ in range(ROUNDS + 1):
        for tree, subject in subjects.items():
            next_request = make_requests(subject.key, size if size > 1 else 0)
            costs[tree].append(subject.cost(CONNECTIONS, next_request, size))
    return {tree: rounds[1:] for tree, rounds in costs.items()}  # the first round is a warm-up
