"""The geometry of charts, in percent of the width; macros draw it as SVG."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise

HEADROOM = 1.25
"""How far the bar of an unlimited score reaches beyond its highest threshold, as a factor."""

MARGIN = 1.1
"""Charts reach a tenth beyond their highest value."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From the value at the left edge to the one at the right."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """In percent of the width, within the chart."""
        inside = min(max(value, self.low), self.high)
        return 100 * (inside - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Bar:
    """`x` and `width` in percent."""

    x: float
    width: float
    is_negative: bool


def bar(scale: Scale, start: float, end: float) -> Bar:
    """The bar from one value to another; negative if it goes down."""
    left, right = scale.at(min(start, end)), scale.at(max(start, end))
    return Bar(left, right - left, end < start)


def scale_of(low: float | None, high: float | None, thresholds: Iterable[float]) -> Scale:
    """A score's scale: between its limits or, where it has none, around zero and its thresholds."""
    marks = [0.0, *thresholds]
    least = min(marks) if low is None else min(low, 0.0)
    most = max(marks) * HEADROOM if high is None else max(high, 0.0)
    return Scale(least, max(most, least + 1))


# --- The waterfall ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`bars`: one for each line, each beginning where the one before ends. `ends`: where they end.

    `total` is the sum in points, `marks` the thresholds with their places.
    """

    bars: tuple[Bar, ...]
    ends: tuple[float, ...]
    sum_bar: Bar
    total: float
    marks: tuple[tuple[float, float], ...]


def waterfall(points: Sequence[float], thresholds: Sequence[float]) -> Waterfall:
    """Summed in whole cents, so that the last end is the total exactly. Ledgers have two decimals."""
    ends = [cents / 100 for cents in accumulate((round(each * 100) for each in points), initial=0)]
    most, least = max(*ends, *thresholds, 1.0), min(ends)
    scale = Scale(least * MARGIN, most * MARGIN)
    bars = tuple(bar(scale, start, end) for start, end in pairwise(ends))
    marks = tuple((each, scale.at(each)) for each in thresholds)
    return Waterfall(bars, tuple(map(scale.at, ends[1:])), bar(scale, 0, ends[-1]), ends[-1], marks)


# --- Lines over days --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plot:
    """Maps days and values into a box of 1,000 × 1,000, which is stretched over the chart."""

    first: date
    last: date
    scale: Scale

    def x(self, on: date) -> float:
        """In percent of the width."""
        return 100 * (on - self.first).days / max((self.last - self.first).days, 1)

    def y(self, value: float) -> float:
        """From the top, in thousandths of the height."""
        return 1000 - 10 * self.scale.at(value)

    def line(self, values: Sequence[tuple[date, float]]) -> str:
        """A path through the values."""
        return "M" + " L".join(f"{10 * self.x(on):.1f},{self.y(value):.1f}" for on, value in values) if values else ""

    def area(self, values: Sequence[tuple[date, float]]) -> str:
        """The same, closed along zero."""
        if not values:
            return ""
        zero, left, right = self.y(0), 10 * self.x(values[0][0]), 10 * self.x(values[-1][0])
        return f"{self.line(values)} L{right:.1f},{zero:.1f} L{left:.1f},{zero:.1f}Z"


def plot(days: Sequence[date], values: Iterable[float], thresholds: Iterable[float]) -> Plot:
    found = [0.0, *values, *thresholds]
    return Plot(days[0], days[-1], Scale(min(found), max(*found, 1.0) * MARGIN))
