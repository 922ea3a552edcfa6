"""The engine: compile a model once, then evaluate leads with it. An evaluation is of one lead on one day.

compile_model(document, version) -> CompiledModel
CompiledModel.facts_of(event)    -> Facts
evaluate(model, facts, moment)   -> Evaluation, with each score's value
ledger(evaluation, score)        -> the lines that add up to the score
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from app.scoring.conditions import Bounds, CompiledCondition, compile_condition, top_names
from app.scoring.document import Condition, Rule, ScoringModel, Stage, leaves
from app.scoring.emails import derived_traits
from app.scoring.events import Event, event_name_key
from app.scoring.facts import Facts, day_of, facts_of, is_part_of_any
from app.scoring.needs import Needs, needs_of
from app.scoring.rules import Earned, Profile, RuleEvaluator, compile_rule, date_of, to_cents
from app.scoring.signals import CompiledSignal, EventSignals, compile_signal

LineKind = Literal["rule", "rule_cap", "group_cap", "score_limit"]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    name: str
    title: str
    signal: str | None
    group: str | None
    cap: float
    evaluator: RuleEvaluator


@dataclass(frozen=True, slots=True)
class CompiledScore:
    """A score; its rules are in the document's order, and indexed by what they depend on.

    Most leads have hits of few signals, and few traits, so a rule is evaluated only for leads with a hit or trait that
    it depends on. Rules that depend on neither (`always`) are evaluated for every lead. `empty_profile` is what rules
    give a lead that has neither hits nor traits. `of_traits` names those that depend on traits alone.
    """

    name: str
    title: str
    rules: Mapping[str, CompiledRule]
    by_fingerprint: Mapping[str, Sequence[CompiledRule]]
    by_trait: Mapping[str, Sequence[CompiledRule]]
    always: Sequence[CompiledRule]
    empty_profile: Mapping[str, Earned]
    of_traits: frozenset[str]
    group_caps: Mapping[str, float]
    low: float
    high: float
    bands: Sequence[tuple[float, str]]
    """Thresholds with their bands' names, from the highest down."""

    def band(self, value: float) -> str | None:
        return next((name for threshold, name in self.bands if value >= threshold), None)


@dataclass(frozen=True, slots=True)
class CompiledStage:
    """`needs`: what `when` can't hold without, if anything is known."""

    name: str
    needs: Needs | None
    when: CompiledCondition | None
    keep: CompiledCondition | None
    sales_ready: bool


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A model ready for evaluation. Transitions record its `version`."""

    version: int
    document: ScoringModel
    trusted_traits: frozenset[str]
    signals: Mapping[str, CompiledSignal]
    fingerprints: frozenset[str]
    signals_by_event: Mapping[str, EventSignals]
    scores: Mapping[str, CompiledScore]
    stages: tuple[CompiledStage, ...]

    def event_keys(self, fingerprints: Collection[str]) -> frozenset[str]:
        """The keys of the event names that the signals with these fingerprints count."""
        signals = (signal for signal in self.signals.values() if signal.fingerprint in fingerprints)
        return frozenset(key for signal in signals for key in signal.event_keys)

    def hits_of(self, event: Event, fingerprints: Collection[str]) -> set[str]:
        """Those of these fingerprints whose signals count the event."""
        candidates = self.signals_by_event.get(event_name_key(event.name))
        if candidates is None:
            return set()
        return {
            signal.fingerprint
            for signal in candidates.matching(event)
            if signal.fingerprint in fingerprints and signal.accepts(event)
        }

    def facts_of(self, event: Event, known: Facts | None = None) -> Facts:
        """The event's facts; `known`: those that they will be merged with."""
        return facts_of(event, self.hits_of(event, self.fingerprints), known)

    def distrusts(self, event: Event) -> bool:
        """Whether the event came from a public key and has a trait that only secret keys may set."""
        if event.trusted or not self.trusted_traits:
            return False
        return any(is_part_of_any(key, self.trusted_traits) for key in event.traits)


def compile_model(document: ScoringModel, version: int) -> CompiledModel:
    signals = {name: compile_signal(name, signal) for name, signal in document.signals.items()}
    fingerprints = {name: signal.fingerprint for name, signal in signals.items()}
    by_event: dict[str, list[CompiledSignal]] = {}
    for signal in signals.values():
        for key in signal.event_keys:
            by_event.setdefault(key, []).append(signal)
    return CompiledModel(
        version=version,
        document=document,
        trusted_traits=frozenset(name for name, trait in document.traits.items() if trait.trusted),
        signals=signals,
        fingerprints=frozenset(fingerprints.values()),
        signals_by_event={key: EventSignals.of(signals_of_event) for key, signals_of_event in by_event.items()},
        scores={name: _compile_score(document, name, fingerprints) for name in document.scores},
        stages=tuple(_compile_stage(stage, fingerprints) for stage in document.stages),
    )


def _compile_score(document: ScoringModel, name: str, fingerprints: Mapping[str, str]) -> CompiledScore:
    score = document.scores[name]
    rules = {key: _compile_rule(document, key, rule, fingerprints) for key, rule in score.rules.items()}
    by_fingerprint: dict[str, list[CompiledRule]] = {}
    by_trait: dict[str, list[CompiledRule]] = {}
    always: list[CompiledRule] = []
    for key, rule in score.rules.items():
        if rule.signal is not None:
            by_fingerprint.setdefault(fingerprints[rule.signal], []).append(rules[key])
        elif rule.when is not None:
            for trait in _traits_of(rule.when):
                by_trait.setdefault(trait, []).append(rules[key])
        else:
            always.append(rules[key])
    empty, (low, high) = Profile(Facts(), {}), score.limits
    return CompiledScore(
        name=name,
        title=score.title or name,
        rules=rules,
        by_fingerprint=by_fingerprint,
        by_trait=by_trait,
        always=always,
        empty_profile={key: item for key, rule in rules.items() if (item := rule.evaluator.earned(empty, 0)).points},
        of_traits=frozenset(rule.name for rules_of_trait in by_trait.values() for rule in rules_of_trait),
        group_caps={key: group.max for key, group in score.groups.items()},
        low=low,
        high=high,
        bands=score.falling_bands,
    )


def _traits_of(condition: Condition) -> set[str]:
    """The names of the top-level traits that a condition can depend on."""
    return {name for _, leaf in leaves(condition, "when") for name in top_names(leaf.target)}


def _compile_rule(document: ScoringModel, name: str, rule: Rule, fingerprints: Mapping[str, str]) -> CompiledRule:
    of_signal = None if rule.signal is None else document.signals[rule.signal].title
    title = rule.title or of_signal or name
    return CompiledRule(name, title, rule.signal, rule.group, rule.cap, compile_rule(rule, fingerprints))


def _compile_stage(stage: Stage, fingerprints: Mapping[str, str]) -> CompiledStage:
    when = compile_condition(stage.when) if stage.when is not None else None
    keep = compile_condition(stage.keep) if stage.keep is not None else None
    needs = needs_of(stage.when, fingerprints) if stage.when is not None else None
    return CompiledStage(stage.name, needs, when, keep, stage.sales_ready)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A lead on one UTC day: by score, the points of each rule that gave any, and the score's value.

    It is the view on which stages' conditions are tested.
    """

    model: CompiledModel
    profile: Profile
    day: int
    earned: Mapping[str, Mapping[str, Earned]]
    values: Mapping[str, float]

    @property
    def traits(self) -> Mapping[str, Any]:
        return self.profile.traits

    def score(self, name: str) -> Bounds:
        return self.values[name], self.values[name]

    def hits(self, signal: str, within_days: int | None) -> Bounds:
        days = self.profile.facts.tally.get(self.model.signals[signal].fingerprint)
        if not days:
            return 0, 0
        oldest = 0 if within_days is None else self.day - within_days + 1
        count = days.between(oldest, self.day).total
        return count, count


def profile_of(facts: Facts, trusted_traits: Collection[str]) -> Profile:
    traits = facts.known_traits(trusted_traits)
    email = traits.get("email")
    return Profile(facts, traits | derived_traits(email) if isinstance(email, str) else traits)


def evaluate(model: CompiledModel, facts: Facts, moment: datetime | date) -> Evaluation:
    """The scores of a lead at a moment in UTC."""
    return evaluate_day(model, profile_of(facts, model.trusted_traits), day_of(moment))


def evaluate_day(model: CompiledModel, profile: Profile, day: int) -> Evaluation:
    return _evaluation(model, profile, day, {name: _by_traits(score, profile) for name, score in model.scores.items()})


def on_day(evaluation: Evaluation, day: int) -> Evaluation:
    """The evaluation of the same facts on another day. Traits don't age, so what they give is not evaluated again."""
    scores = evaluation.model.scores
    by_traits = {
        name: {rule: item for rule, item in earned.items() if rule in scores[name].of_traits}
        for name, earned in evaluation.earned.items()
    }
    return _evaluation(evaluation.model, evaluation.profile, day, by_traits)


def _evaluation(
    model: CompiledModel, profile: Profile, day: int, by_traits: Mapping[str, Mapping[str, Earned]]
) -> Evaluation:
    earned = {name: {**by_traits[name], **_by_events(score, profile, day)} for name, score in model.scores.items()}
    values = {
        name: total(score, {rule: item.points for rule, item in earned[name].items()})
        for name, score in model.scores.items()
    }
    return Evaluation(model, profile, day, earned, values)


def _by_traits(score: CompiledScore, profile: Profile) -> dict[str, Earned]:
    # By name: a rule that several traits concern is evaluated once.
    relevant = {rule.name: rule for trait in profile.traits for rule in score.by_trait.get(trait, ())}
    earned = {name: rule.evaluator.earned(profile, 0) for name, rule in relevant.items()}
    return {name: item for name, item in {**score.empty_profile, **earned}.items() if item.points}


def _by_events(score: CompiledScore, profile: Profile, day: int) -> dict[str, Earned]:
    relevant = list(score.always)
    for fingerprint in profile.facts.tally:
        relevant += score.by_fingerprint.get(fingerprint, ())
    earned = {rule.name: rule.evaluator.earned(profile, day) for rule in relevant}
    return {name: item for name, item in earned.items() if item.points}


def total(score: CompiledScore, points: Mapping[str, float]) -> float:
    """A score's value from its rules' points: capped by rule, then by group, then kept within the score's limits."""
    capped = _capped(score, points)
    lines = [*capped.values(), *_group_cuts(score, capped).values()]
    return min(max(to_cents(math.fsum(lines)), score.low), score.high) + 0.0


def _capped(score: CompiledScore, points: Mapping[str, float]) -> dict[str, float]:
    return {name: max(-score.rules[name].cap, min(earned, score.rules[name].cap)) for name, earned in points.items()}


def _group_cuts(score: CompiledScore, capped: Mapping[str, float]) -> dict[str, float]:
    """For each group over its cap, the excess as negative points."""
    members: dict[str, list[float]] = {}
    for name, points in capped.items():
        group = score.rules[name].group
        if group is not None:
            members.setdefault(group, []).append(points)
    excesses = {group: to_cents(math.fsum(points)) - score.group_caps[group] for group, points in members.items()}
    return {group: to_cents(-excess) for group, excess in excesses.items() if excess > 0}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a ledger. `rule` is the name of the rule or, for a cap, of the rule, group or score that it caps.

    `title` is what people call it. Lines that differ only in that are equal.
    """

    rule: str
    title: str = field(compare=False)
    signal: str | None
    hits: int
    last_hit_on: date | None
    points: float
    kind: LineKind


def ledger(evaluation: Evaluation, name: str) -> tuple[Line, ...]:
    """The lines that add up to a score: exactly, if added as decimals. Rules that gave no points have no line."""
    score, earned = evaluation.model.scores[name], evaluation.earned[name]
    capped = _capped(score, {rule: item.points for rule, item in earned.items()})
    lines: list[Line] = []
    for rule in score.rules.values():
        item = earned.get(rule.name)
        if item is None:
            continue
        lines.append(Line(rule.name, rule.title, rule.signal, item.hits, date_of(item.last_hit), item.points, "rule"))
        if capped[rule.name] != item.points:
            lines.append(_cap(rule.name, rule.title, capped[rule.name] - item.points, "rule_cap"))
    cuts = _group_cuts(score, capped)
    lines += [_cap(group, group, cuts[group], "group_cap") for group in score.group_caps if group in cuts]
    unlimited = to_cents(math.fsum(line.points for line in lines))
    if unlimited != evaluation.values[name]:
        lines.append(_cap(name, score.title, evaluation.values[name] - unlimited, "score_limit"))
    return tuple(lines)


def _cap(what: str, title: str, points: float, kind: LineKind) -> Line:
    return Line(what, title, None, 0, None, to_cents(points), kind)
