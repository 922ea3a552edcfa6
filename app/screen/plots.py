"""The geometry of plots: widths and places in percent, heights in pixels; templates draw it as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, floor, log10

OFF_SCALE = 4
"""From this many times the next bar on, the first bar of a funnel is cut off: the others would be too short."""

GAP = 0.7
"""Pixels between the parts of a column."""

AXIS, TICKS = 7.0, 4
"""The room for the axis of columns, in percent, and about how many lines their grid has."""

SPARK_WIDTH, SPARK_HEIGHT = 1000, 100


@dataclass(frozen=True, slots=True)
class Step:
    """A bar of a funnel: its width and the next one's, in percent.

    `times`: how many times the next bar it would be if it were not cut off; None if it is drawn to scale.
    """

    width: float
    next_width: float
    times: int | None = None


def steps(counts: Sequence[int]) -> list[Step]:
    """A bar for each rung of a funnel, all on one linear scale except for a first one that is off it."""
    is_cut = len(counts) > 1 and counts[0] >= OFF_SCALE * counts[1] > 0
    scale = max([*counts[is_cut:], 1])
    widths = [min(100 * count / scale, 100) for count in counts]
    bars = [Step(width, below) for width, below in zip(widths, [*widths[1:], 0.0], strict=True)]
    if is_cut:
        bars[0] = Step(100, 100, round(counts[0] / counts[1]))
    return bars


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a column, from its upper edge down."""

    index: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    x: float
    width: float
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid, at a round value."""

    value: int
    y: float


@dataclass(frozen=True, slots=True)
class Stack:
    columns: Sequence[Column]
    grid: Sequence[Line]
    base: float


def stack(values: Sequence[Sequence[int]], *, top: float, base: float) -> Stack:
    """Columns of parts, the first part at the bottom, between two heights, beside the axis."""
    step = tick_step(max(map(sum, values), default=0))
    highest = max(step * ceil(max(map(sum, values), default=0) / step), step)

    def at(value: float) -> float:
        return base - (base - top) * value / highest

    pitch = (100 - AXIS) / max(len(values), 1)
    columns = [
        Column(AXIS + pitch * number, pitch * GAP, list(_parts([at(each) for each in accumulate(parts, initial=0)])))
        for number, parts in enumerate(values)
    ]
    return Stack(columns, [Line(value, at(value)) for value in range(0, highest + 1, step)], base)


def _parts(edges: Sequence[float]) -> Iterator[Part]:
    for index, (lower, upper) in enumerate(pairwise(edges)):
        if lower > upper:
            yield Part(index, upper, max(lower - upper - GAP, GAP))


def tick_step(most: int) -> int:
    """A round distance between grid lines, so that `TICKS` of them reach `most`: 1, 2 or 5 times a power of 10."""
    raw = max(most / TICKS, 1)
    power = int(10 ** floor(log10(raw)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)


@dataclass(frozen=True, slots=True)
class Spark:
    """The paths of a line and of the area below it, for a viewBox of 1000 × 100."""

    line: str
    area: str


def spark(values: Sequence[float]) -> Spark:
    """The values from left to right, from zero at the bottom; a single value is a level line."""
    points = list(values) * 2 if len(values) == 1 else list(values) or [0, 0]
    highest, step = max([*points, 1]), SPARK_WIDTH / (len(points) - 1)
    # A twentieth is left at the top for the line's own width.
    places = [(step * index, SPARK_HEIGHT * (1 - 0.95 * value / highest)) for index, value in enumerate(points)]
    line = " L".join(f"{x:.0f},{y:.1f}" for x, y in places)
    return Spark(f"M{line}", f"M{line} L{SPARK_WIDTH},{SPARK_HEIGHT} L0,{SPARK_HEIGHT}Z")


@dataclass(frozen=True, slots=True)
class Curve:
    """The path of a curve and of the band around it, for a viewBox of 1000 × 100."""

    line: str
    band: str


def curve(points: Sequence[tuple[float, float, float, float]], first: float, last: float) -> Curve:
    """Shares from 0 to 1, each with its interval: `(x, share, low, high)`, ascending by `x` from `first` to `last`."""
    width = (last - first) or 1

    def at(x: float, share: float) -> str:
        return f"{SPARK_WIDTH * (x - first) / width:.0f},{SPARK_HEIGHT * (1 - min(max(share, 0), 1)):.1f}"

    if not points:
        return Curve("", "")
    line = " L".join(at(x, share) for x, share, _, _ in points)
    upper = [at(x, high) for x, _, _, high in points]
    lower = [at(x, low) for x, _, low, _ in reversed(points)]
    return Curve(f"M{line}", f"M{' L'.join(upper + lower)}Z")
