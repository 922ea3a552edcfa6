"""The geometry of charts, in percent of the width; macros draw it as SVG."""

from collections.abc import Iterable
from dataclasses import dataclass


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
    most = max(*marks, least + 1) * (1 if high is not None else 1.25)
    return Scale(least, max(high, least + 1) if high is not None else most)
