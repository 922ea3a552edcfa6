"""`make faults`: every fault in its long form, as a table for docs/faults.md. The exit status is 1 if one does harm.

An argument selects the faults whose names contain it.
"""

import sys
from collections.abc import Iterable

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from tests.faults.outcome import Outcome
from tests.faults.scenarios import LONG, SCENARIOS, Scenario, Stuck, run
from tests.faults.site import NotPossible

COLUMNS = ("fault", "acknowledged", "refused", "lost", "doubled", "law 5", "recovered in", "longest answer")
WIDTH = 140


def main(wanted: str = "") -> int:
    console, table = Console(width=WIDTH), Table(*COLUMNS, box=MARKDOWN)
    is_harmless = True
    for scenario in SCENARIOS:
        if wanted in scenario.name:
            console.print(scenario.name, "…", style="dim")
            is_harmless = add_row(table, scenario) and is_harmless
    console.print(table)
    return 0 if is_harmless else 1


def add_row(table: Table, scenario: Scenario) -> bool:
    """Run a fault and show its outcome. Returns whether it did no harm."""
    try:
        outcome = run(scenario, LONG).outcome
    except NotPossible as reason:
        table.add_row(scenario.name, f"skipped: {reason}")
        return True
    except Stuck as reason:
        table.add_row(scenario.name, f"failed: {reason}")
        return False
    table.add_row(scenario.name, *cells(outcome))
    return outcome.is_harmless


def cells(outcome: Outcome) -> Iterable[str]:
    refused = ", ".join(f"{times} × {status}" for status, times in sorted(outcome.refused.items()))
    yield str(outcome.acknowledged)
    yield refused or "none"
    yield str(outcome.lost + outcome.unfinished)
    yield str(outcome.doubled)
    yield "holds" if outcome.is_rebuilt else "broken"
    yield f"{outcome.recovered_s:.1f} s"
    yield f"{outcome.worst_s:.1f} s"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
