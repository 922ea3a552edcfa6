"""What proposals and backtests have in common: reading the log for them, and parts of their tables."""

from collections.abc import Awaitable, Callable
from math import isnan
from typing import TypeVar

from rich.text import Text

from app.cli.runtime import interrupted_at_once, with_database
from app.cli.terminal import NOTHING, err
from app.insight.measures import Interval
from app.insight.rates import Counted
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
