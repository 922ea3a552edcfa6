"""Reasons: the rules that gave a lead the most points, or cost it the most, each net of its own cap."""

from dataclasses import replace

from app.scoring.engine import Evaluation, Line, ledger
from app.scoring.rules import to_cents


def strongest_reasons(evaluation: Evaluation, score: str, limit: int) -> list[Line]:
    """The `limit` rules of a score with the most points in either direction, of equal ones the model's first.

    Caps of groups and of the score are left out of account.
    """
    net: dict[str, Line] = {}
    for line in ledger(evaluation, score):
        if line.kind == "rule":
            net[line.rule] = line
        elif line.kind == "rule_cap":
            net[line.rule] = replace(net[line.rule], points=to_cents(net[line.rule].points + line.points))
    return sorted(net.values(), key=lambda line: -abs(line.points))[:limit]
