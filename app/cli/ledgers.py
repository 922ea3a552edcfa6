"""Ledgers, and the conditions behind a stage, as text for a terminal."""

import json
from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from app.cli.terminal import columns, sanitize
from app.documents.leads import ExplainedScore, LedgerLine
from app.documents.reasons import ExplainedCondition, ExplainedLeaf

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


def condition_lines(condition: ExplainedCondition | None, indent: int) -> Iterator[Text]:
    """A leaf on one line; a combination as a heading with its conditions indented below it."""
    if condition is None:
        return
    if isinstance(condition, ExplainedLeaf):
        yield Text.assemble(" " * indent, _leaf(condition))
        return
    for combiner, heading in JOINED.items():
        if (parts := getattr(condition, combiner)) is not None:
            yield Text(f"{' ' * indent}{heading}:")
            for part in parts:
                yield from condition_lines(part, indent + 2)


def _leaf(leaf: ExplainedLeaf) -> Text:
    written = leaf.model_dump(exclude={"actual", "short_by"})
    condition = " ".join(f"{name} {_plain(value)}" for name, value in written.items())
    short = f", short by {_plain(leaf.short_by)}" if leaf.short_by is not None else ""
    return sanitize(f"{condition} (is {_plain(leaf.actual)}{short})")


def _plain(value: Any) -> str:
    """A value as a model would have it: `30`, not `30.0`."""
    if value is None:
        return "absent"
    return f"{value:.10g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
