"""The proposal as a document in the language of scoring models."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from app.insight.accuracy import Accuracy
from app.insight.candidates import Candidate, Frequency, Inactivity, PerHit, Study, TraitAtLeast, TraitIn
from app.insight.points import PointRule
from app.insight.questions import Question
from app.insight.signals import SignalCatalog, signal_name, unique_name
from app.insight.snapshots import Snapshots
from app.insight.thresholds import Threshold
from app.scoring.document import Signal
from app.scoring.emails import DERIVED_TRAITS
from app.scoring.facts import is_part_of_any

SCORE = "propensity"
STAGES = ("interest", "mql", "sql")
MAX_LEVELS_IN_NAME = 3
MAX_OUTCOME = 80


def model_document(
    question: Question,
    rules: Mapping[str, PointRule],
    study: Study,
    thresholds: Sequence[Threshold],
    about: str,
) -> dict[str, Any]:
    """A complete model: the signals that the rules count, one score, and the stages.

    If the outcome is a signal, a lead that has it is in a last stage of its own.
    """
    signals, traits = _signals(rules.values(), study.catalog), _trusted(rules.values(), study.trusted_traits)
    won = None
    if question.signal is not None:
        won = unique_name(signal_name(question.outcome), {*signals, *STAGES})
        signals[won] = _written(question.signal)
    written = {name: rule.candidate.fields(rule.points) for name, rule in rules.items()}
    return {
        "name": f"{question.outcome[:MAX_OUTCOME]} proposal",
        "description": about,
        **({"traits": traits} if traits else {}),
        "signals": signals,
        "scores": {SCORE: {"bands": _bands(thresholds), "rules": written}},
        "stages": _stages(thresholds, won),
    }


def _signals(rules: Iterable[PointRule], catalog: SignalCatalog) -> dict[str, Any]:
    used = [rule.candidate.signal for rule in rules if isinstance(rule.candidate, Frequency | PerHit)]
    return {signal.name: _written(catalog.document(signal)) for signal in used}


def _trusted(rules: Iterable[PointRule], trusted: frozenset[str]) -> dict[str, Any]:
    """The trusted traits that the rules read, directly or through one that is derived from the email address."""
    paths = {rule.candidate.trait for rule in rules if isinstance(rule.candidate, TraitAtLeast | TraitIn)}
    read = paths | ({"email"} if paths & DERIVED_TRAITS else set())
    return {name: {"trusted": True} for name in sorted(trusted) if any(is_part_of_any(path, [name]) for path in read)}


def _written(signal: Signal) -> dict[str, Any]:
    written = signal.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return written | {"on": signal.on[0]} if len(signal.on) == 1 else written


def _bands(thresholds: Sequence[Threshold]) -> dict[str, int]:
    mql, sql = thresholds
    return {"hot": sql.score, "warm": mql.score}


def _stages(thresholds: Sequence[Threshold], won: str | None) -> list[dict[str, Any]]:
    mql, sql = thresholds
    stages = [{"name": "interest"}, _stage(mql), _stage(sql) | {"sales_ready": True}]
    return [*stages, {"name": won, "when": {"signal": won}}] if won else stages


def _stage(threshold: Threshold) -> dict[str, Any]:
    return {
        "name": threshold.stage,
        "when": {"score": SCORE, "gte": threshold.score},
        "keep": {"score": SCORE, "gte": threshold.keep},
    }


def named_rules(rules: Iterable[PointRule]) -> dict[str, PointRule]:
    """The rules with names that say what they test, the weightiest first."""
    named: dict[str, PointRule] = {}
    for rule in sorted(rules, key=lambda rule: (-abs(rule.points), _rule_name(rule.candidate))):
        named[unique_name(_rule_name(rule.candidate), named)] = rule
    return named


def _rule_name(candidate: Candidate) -> str:
    if isinstance(candidate, Inactivity):
        return f"inactive_for_{candidate.days}_days"
    if isinstance(candidate, TraitAtLeast):
        return signal_name(candidate.trait, "at least", str(candidate.least))
    if isinstance(candidate, Frequency | PerHit):
        return _signal_rule_name(candidate)
    return signal_name(candidate.trait, *map(str, candidate.levels[:MAX_LEVELS_IN_NAME]))


def _signal_rule_name(candidate: Frequency | PerHit) -> str:
    daily = "" if candidate.per_day is None else "_days"
    window = "" if candidate.within_days is None else f"_in_{candidate.within_days}_days"
    if isinstance(candidate, PerHit):
        return f"{candidate.signal.name}_each{daily.removesuffix('s')}{window}"
    times = "" if candidate.at_least == 1 else f"_{candidate.at_least}"
    return f"{candidate.signal.name}{times}{daily if times else ''}{window}"


def describe(question: Question, accuracy: Accuracy, snapshots: Snapshots, probabilities: Mapping[int, float]) -> str:
    """What the model was learned from, how good it is, and the probability that goes with a score."""
    newest = "" if accuracy.newest is None else f", {accuracy.newest:.3f} on the newest 30 %"
    auc, chances = accuracy.held_out, ", ".join(f"{score}: {each:.0%}" for score, each in probabilities.items())
    return (
        f"Proposed on {question.now:%Y-%m-%d} from {len(snapshots)} snapshots of {len(np.unique(snapshots.leads))} "
        f"leads. The score predicts {question.outcome} within {question.within_days} days; 10 points double the odds. "
        f"Held-out AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}){newest}. "
        f"Probability by score: {chances}."
    )
