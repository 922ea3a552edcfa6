"""The server's memory after ten minutes under load, against its memory after the first minute.

LEADSCORE_TEST_SECONDS sets another duration; the baseline is the memory after a tenth of it.
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.figures import Comparison, Figure
from benchmarks.ingest import CONNECTIONS, make_requests
from benchmarks.load import run_load
from benchmarks.processor import Subject

SECONDS = int(os.environ.get("LEADSCORE_TEST_SECONDS", "600"))
PEOPLE = range(1_000_000)
"""So many that most events are somebody's first: what is kept for each person would show."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The server's resident set in MiB, and the requests that it answered between the two measurements."""

    mib: Comparison
    requests: int

    def __str__(self) -> str:
        first, last = self.mib.baseline[0], self.mib.ours[0]
        return (
            f"memory under load, {CONNECTIONS} connections:\n"
            f"  after {SECONDS / 10:.0f} s {first:.1f} MiB   after {SECONDS} s and {self.requests:,} more requests "
            f"{last:.1f} MiB   ratio {self.mib.ratio:.3f}"
        )

    @property
    def figures(self) -> list[Figure]:
        name = f"memory of the server after {SECONDS} s under load"
        return [Figure(name, f"after {SECONDS / 10:.0f} s", self.mib.ratio, "at most", 1.05)]


def measure() -> Memory:
    with Subject.running(Path.cwd()) as subject:
        server, next_request = psutil.Process(subject.server.pid), make_requests(subject.key, people=PEOPLE)
        asyncio.run(run_load(subject.server.port, CONNECTIONS, SECONDS / 10, next_request))
        first = _mib(server)
        load = asyncio.run(run_load(subject.server.port, CONNECTIONS, SECONDS * 9 / 10, next_request))
        return Memory(Comparison([_mib(server)], [first]), load.requests)


def _mib(process: psutil.Process) -> float:
    resident: int = process.memory_info().rss
    return resident / 2**20
