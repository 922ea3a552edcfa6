"""`python -m benchmarks rollout` runs a benchmark, `python -m benchmarks all` those whose figures are in RESULTS.md."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import (
    batches,
    costs,
    deliver,
    funnel,
    hot,
    ingest,
    lists,
    matching,
    memory,
    pages,
    prune,
    reads,
    retract,
    rollout,
    start,
    stored,
)
from benchmarks.figures import Figure, Result, render
from benchmarks.machine import this_machine

IN_TABLE: Mapping[str, Callable[[], Result]] = {
    "ingest": ingest.measure,
    "batches": batches.measure,
    "reads": reads.measure,
    "matching": matching.measure,
    "rollout": rollout.measure,
    "stored": stored.measure,
    "hot": hot.measure,
    "memory": memory.measure,
    "start": start.measure,
}
BENCHMARKS: Mapping[str, Callable[[], object]] = {
    **IN_TABLE,
    "costs": costs.measure,
    "deliver": deliver.measure,
    "funnel": funnel.measure,
    "leads": lists.measure,
    "pages": pages.measure,
    "retract": retract.measure,
    "prune": prune.measure,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def run(names: list[str]) -> None:
    for name in names:
        print(BENCHMARKS[name](), flush=True)


def run_all() -> None:
    """Run every benchmark of the table, and write it."""
    machine, figures = this_machine(), list[Figure]()
    for measure in IN_TABLE.values():
        result = measure()
        print(result, flush=True)
        figures += result.figures
    RESULTS.write_text(render(machine, figures))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="+", choices=["all", *BENCHMARKS])
    names = parser.parse_args().names
    if "all" in names:
        run_all()
    else:
        run(names)


main()
