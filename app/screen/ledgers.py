"""A score's ledger as a waterfall: small lines folded per group, caps after what they cap. It sums exactly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from operator import attrgetter
from typing import Any, Literal

from app.documents.leads import LedgerLine
from app.screen.charts import Waterfall, waterfall
from app.screen.formats import day, number
from app.screen.labels import ScoreLook, as_words

SMALL = 1.0
"""Lines with fewer points than this are folded, if their group has several."""

Kind = Literal["rule", "fold", "cap"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table. `detail`: what counted."""

    kind: Kind
    title: str
    detail: str
    points: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries with their waterfall, and how many lines are folded into fewer entries."""

    entries: Sequence[Entry]
    chart: Waterfall
    folded: int


def ledger_of(
    lines: Sequence[LedgerLine],
    groups: Mapping[str, str],
    look: ScoreLook,
    thresholds: Sequence[float],
    today: date,
    *,
    fold: bool,
) -> Ledger:
    """`groups`: the group of each rule that has one."""
    entries = list(_entries(lines, groups, look, today, fold=fold))
    chart = waterfall([entry.points for entry in entries], thresholds)
    return Ledger(entries, chart, len(lines) - len(entries))


def groups_of(score: Mapping[str, Any]) -> dict[str, str]:
    """The group of each rule of a score in a model's document."""
    return {name: rule["group"] for name, rule in score["rules"].items() if rule.get("group")}


def _entries(
    lines: Sequence[LedgerLine], groups: Mapping[str, str], look: ScoreLook, today: date, *, fold: bool
) -> Iterator[Entry]:
    caps = {line.rule: line for line in lines if line.kind == "group_cap"}
    for group, members in _by_group(lines, groups):
        small = [line for line in members if fold and line.kind == "rule" and abs(line.points) < SMALL]
        folded = small if len(small) > 1 else []
        yield from (_entry(line, look, today) for line in members if line not in folded)
        if folded:
            yield _fold(folded, group)
        if group in caps:
            yield _entry(caps[group], look, today)
    yield from (_entry(line, look, today) for line in lines if line.kind == "score_limit")


def _by_group(lines: Sequence[LedgerLine], groups: Mapping[str, str]) -> list[tuple[str, list[LedgerLine]]]:
    """Rules with their own caps after them, group by group. What gives most comes first."""
    members: dict[str, list[list[LedgerLine]]] = {}
    for line in lines:
        if line.kind == "rule":
            members.setdefault(groups.get(line.rule, ""), []).append([line])
        elif line.kind == "rule_cap":
            members[groups.get(line.rule, "")][-1].append(line)
    ordered = {group: sorted(each, key=lambda pair: -pair[0].points) for group, each in members.items()}
    found = [(group, [line for pair in each for line in pair]) for group, each in ordered.items()]
    return sorted(found, key=lambda each: -max(map(attrgetter("points"), each[1])))


def _entry(line: LedgerLine, look: ScoreLook, today: date) -> Entry:
    match line.kind:
        case "rule":
            return Entry("rule", look.rule_title(line.rule), _detail(line, today), line.points)
        case "rule_cap":
            return Entry("cap", f"{look.rule_title(line.rule)}: limit", "rule", line.points)
        case "group_cap":
            return Entry("cap", f"{as_words(line.rule)}: limit", f"group {line.rule}", line.points)
        case _:
            return Entry("cap", f"{look.title}: limit", "score", line.points)


def _detail(line: LedgerLine, today: date) -> str:
    if line.last_hit_on is None:
        return ""
    on = day(line.last_hit_on, today)
    return f"once, {on}" if line.hits == 1 else f"{number(line.hits)} hits, last {on}"


def _fold(lines: Sequence[LedgerLine], group: str) -> Entry:
    *_, total = accumulate(round(line.points * 100) for line in lines)
    return Entry("fold", f"Other {as_words(group).lower()}".rstrip(), f"{len(lines)} small lines", total / 100)
