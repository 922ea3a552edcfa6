"""The processor time of `leadscore --help`, against that of a Python that does nothing."""

import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.figures import Comparison, Figure, Spread
from benchmarks.servers import LEADSCORE

ROUNDS = 11
HELP = [*LEADSCORE, "--help"]
NOTHING = [sys.executable, "-c", "pass"]


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds of processor time."""

    seconds: Comparison

    def __str__(self) -> str:
        ours, python = median(self.seconds.ours), median(self.seconds.baseline)
        return (
            f"starting, {ROUNDS} rounds, medians of processor time:\n"
            f"  leadscore --help {ours:.3f} s   python -c pass {python:.3f} s   "
            f"ratio, round by round: {self.seconds.ratio:.1f}"
        )

    @property
    def figures(self) -> list[Figure]:
        python = median(self.seconds.baseline)
        name, against = "`leadscore --help`: processor time", f"`python -c pass`: {python:.3f} s"
        return [Figure(name, against, Spread.of(self.seconds.ours), "at most", 0.4, " s")]


def measure() -> Start:
    rounds = [(_used_s(HELP), _used_s(NOTHING)) for _ in range(ROUNDS + 1)]
    return Start(Comparison(*zip(*rounds[1:], strict=True)))  # the first round reads the files from the disk


def _used_s(command: Sequence[str]) -> float:
    """The processor time of a command, run to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
