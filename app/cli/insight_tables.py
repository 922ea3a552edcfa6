"""What proposals and backtests have in common: reading the log for them, and parts of their tables."""

from collections.abc import Awaitable, Callable, Iterable
from math import isnan
from typing import TypeVar

from rich.table import Table
from rich.text import Text

from app.cli.runtime import interrupted_at_once, with_database
from app.cli.terminal import NOTHING, columns, err
from app.insight.measures import Interval
from app.insight.rates import Counted, Tenth
from app.services.runtime import Runtime

Result = TypeVar("Result")


def percent(share: float) -> str:
    return f"{share:.0%}"


def interval(measured: Interval) -> str:
    if isnan(measured.value):
        return NOTHING
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f})"


def snapshots_line(counted: Counted) -> Text:
    return Text(
        f"{counted.snapshots:,} snapshots of {counted.leads:,} leads, of which {counted.leads_with_outcome:,} had the "
        f"outcome; it followed {counted.base_rate:.1%} of the snapshots"
    )


def tenths_table(tenths: Iterable[Tenth], mean: str, written: Callable[[float], str]) -> Table:
    """`mean`: what the tenths are ordered by."""
    table = columns("tenth", "snapshots", mean, "had it", "lift")
    for number, each in enumerate(tenths, start=1):
        table.add_row(str(number), f"{each.rows:,}", written(each.mean), interval(each.had), f"{each.lift:.1f}")
    return table


def read_log(work: Callable[[Runtime, Callable[[int], None]], Awaitable[Result]]) -> Result:
    """The result of work on the whole log, with a status line on a terminal. Ctrl-C ends it at once.

    The function that the work is given takes the number of events read so far.
    """
    with err.status("Reading the log …") as status:

        def on_progress(events: int) -> None:
            status.update(f"Reading the log, then computing: {events:,} events")

        async def run(runtime: Runtime) -> Result:
            with interrupted_at_once():
                return await work(runtime, on_progress)

        return with_database(run)
