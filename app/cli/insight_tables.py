"""What the tables of proposals and backtests have in common, and the progress of reading the log for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isnan

from rich.table import Table
from rich.text import Text

from app.cli.terminal import err
from app.insight.measures import Interval

NOTHING = "·"


def percent(share: float) -> str:
    return f"{share:.0%}"


def interval(measured: Interval) -> str:
    if isnan(measured.value):
        return NOTHING
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f})"


def section(title: str, table: Table) -> Iterator[Text | Table]:
    yield Text(f"\n{title}", "bold")
    yield table


@contextmanager
def reading() -> Iterator[Callable[[int], None]]:
    """A status line on a terminal. The function that is given takes the number of events read so far."""
    with err.status("Reading the log …") as status:
        yield lambda events: status.update(f"Reading the log, then computing: {events:,} events")
