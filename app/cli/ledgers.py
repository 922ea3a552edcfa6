"""How ledgers, and the conditions that reasons tell, are shown on a terminal."""

import json
from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from app.cli.terminal import columns, sanitize
from app.documents.leads import ExplainedScore, LedgerLine

CAPS = {"rule_cap": "cap of", "group_cap": "cap of group", "score_limit": "limit of"}
JOINED = {"all": "all of these", "any": "one of these", "none": "none of these"}


def ledger_table(score: ExplainedScore) -> Table:
    table = columns("", "signal", "hits", "last hit", "points")
    table.columns[1].justify = "left"
    for line in score.ledger:
        hits = f"{line.hits:,}" if line.signal is not None else ""
        table.add_row(line_name(line), line.signal or "", hits, str(line.last_hit_on or ""), points(line.points))
    return table


def line_name(line: LedgerLine) -> str:
    return f"{CAPS[line.kind]} {line.rule}" if line.kind in CAPS else line.rule


def points(value: float) -> Text:
    return Text(f"{value:,.2f}".removesuffix(".00"))


def condition_lines(reason: dict[str, Any] | None, indent: int) -> Iterator[Text]:
    """A condition as `stage_reason` explains it: a leaf with what there is, or leaves that are joined."""
    if reason is None:
        return
    joined = [name for name in JOINED if isinstance(reason.get(name), list)]
    for name in joined:
        yield Text(f"{' ' * indent}{JOINED[name]}:")
        for part in reason[name]:
            yield from condition_lines(part, indent + 2)
    if not joined:
        yield Text.assemble(" " * indent, _leaf(reason))


def _leaf(leaf: dict[str, Any]) -> Text:
    written = " ".join(f"{name} {_plain(value)}" for name, value in leaf.items() if name not in ("actual", "short_by"))
    short = f", short by {_plain(leaf['short_by'])}" if leaf["short_by"] is not None else ""
    return sanitize(f"{written} (is {_plain(leaf['actual'])}{short})")


def _plain(value: Any) -> str:
    """A value as the model would have it: `30`, not `30.0`."""
    if value is None:
        return "absent"
    return f"{value:.10g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
