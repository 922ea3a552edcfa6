"""What benchmarks find: measures of leadscore beside those of a baseline, their ratio, and the table of RESULTS.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, Protocol, Self

from benchmarks.machine import Machine

HEADING = "| figure | against | measured | to reach |\n| --- | --- | ---: | ---: |"


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, and their range. Formatting it formats each number: `0.30 (0.27 to 0.33)`."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        known = sorted(values)
        return cls(median(known), known[0], known[-1])

    def __format__(self, spec: str) -> str:
        if self.least == self.greatest:
            return format(self.median, spec)
        return f"{self.median:{spec}} ({self.least:{spec}} to {self.greatest:{spec}})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same measure of leadscore and of what it is compared with, one of each per round."""

    ours: Sequence[float]
    baseline: Sequence[float]

    @property
    def ratio(self) -> Spread:
        return Spread.of(ours / other for ours, other in zip(self.ours, self.baseline, strict=True))


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table: what was measured, as a ratio to what it is `against` unless `unit` says otherwise.

    `to_reach` is the least value that we want, or the greatest (`at most`).
    """

    name: str
    against: str
    measured: Spread
    bound: Literal["at least", "at most"]
    to_reach: float
    unit: str = ""

    def __str__(self) -> str:
        measured = f"{self.measured:.2f}{self.unit}"
        return f"| {self.name} | {self.against} | {measured} | {self.bound} {self.to_reach:.2f}{self.unit} |"


class Result(Protocol):
    """The result of a benchmark in the table. Its `str()` is what `python -m benchmarks NAME` prints."""

    @property
    def figures(self) -> Sequence[Figure]: ...


def render(machine: Machine, figures: Iterable[Figure]) -> str:
    """The text of RESULTS.md."""
    rows = "\n".join(map(str, figures))
    return f"""\
# Results

Written by `make bench`: the median of all rounds, and their range. [README.md](README.md) says what each one measures.

{HEADING}
{rows}

{machine}
"""
