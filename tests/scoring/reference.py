"""A second implementation of DESIGN.md, "The scoring model": slow, simple and independent of `app/scoring`.

It takes the model as a document (a dict) and the past as a list of raw events (`strategies.events`), and loops over
all of them every time. If it and the engine disagree, one of them is wrong about the design.
"""

import json
import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.scoring.emails import derived_traits

Json = dict[str, Any]


@dataclass
class Past:
    """What a lead did, as a model sees it: the days of each signal's hits, the traits, and the last day seen."""

    hits: dict[str, list[date]]
    traits: Json
    last_seen: date | None


@dataclass
class Line:
    name: str
    kind: str
    points: Decimal
    hits: int = 0
    last_hit: date | None = None


@dataclass
class Result:
    scores: dict[str, float]
    bands: dict[str, str | None]
    ledgers: dict[str, list[Line]]
    stage: str


def past_of(model: Json, events: list[Json]) -> Past:
    hits: dict[str, list[date]] = {name: [] for name in model.get("signals", {})}
    for event in events:
        for name, signal in model.get("signals", {}).items():
            if is_hit(signal, event):
                hits[name].append(event["occurred_at"].date())
    last_seen = max((event["occurred_at"].date() for event in events), default=None)
    return Past(hits, traits_of(model, events), last_seen)


def evaluate(model: Json, past: Past, moment: datetime | date, before: str | None = None) -> Result:
    """The scores and the stage on the UTC day of the moment, for a lead whose stage until then was `before`."""
    today = moment.date() if isinstance(moment, datetime) else moment
    ledgers = {name: ledger(score, name, past, today) for name, score in model.get("scores", {}).items()}
    scores = {name: float(sum(line.points for line in lines)) for name, lines in ledgers.items()}
    bands = {name: band(score, scores[name]) for name, score in model.get("scores", {}).items()}
    return Result(scores, bands, ledgers, stage(model, past, scores, today, before))


def next_change(model: Json, past: Past, moment: datetime, stage_now: str, days: int) -> tuple[date, str] | None:
    """The first of the next `days` days on which the stage is different, and that stage."""
    for ahead in range(1, days + 1):
        day = moment.date() + timedelta(days=ahead)
        stage_then = evaluate(model, past, day, stage_now).stage
        if stage_then != stage_now:
            return day, stage_then
    return None


# --- Traits and hits --------------------------------------------------------------------------------------------


def traits_of(model: Json, events: list[Json]) -> Json:
    traits: Json = {}
    trusted = {name for name, trait in model.get("traits", {}).items() if trait.get("trusted")}
    for event in sorted(events, key=lambda event: (event["occurred_at"], event["message_id"])):
        for key, value in event["traits"].items():
            heads = {".".join(key.split(".")[:count]) for count in range(1, len(key.split(".")) + 1)}
            if heads & trusted and not event["trusted"]:
                continue
            if value is None:
                traits.pop(key, None)
            else:
                traits[key] = value
    if isinstance(traits.get("email"), str):
        traits.update(derived_traits(traits["email"]))
    return traits


def is_hit(signal: Json, event: Json) -> bool:
    if signal.get("trusted") and not event["trusted"]:
        return False
    names = [signal["on"]] if isinstance(signal["on"], str) else signal["on"]
    if not any(same_name(name, event["name"]) for name in names):
        return False
    return "where" not in signal or holds(signal["where"], lambda leaf: event_leaf_holds(leaf, event))


def same_name(one: str, other: str) -> bool:
    def words(name: str) -> list[str]:
        return visible(name).replace("_", " ").replace("-", " ").split()

    return words(one) == words(other)


# --- Conditions -------------------------------------------------------------------------------------------------


def holds(condition: Json, leaf_holds: Any) -> bool:
    if not condition.keys() & {"all", "any", "none"}:
        return bool(leaf_holds(condition))
    answers = {name: [holds(child, leaf_holds) for child in children] for name, children in condition.items()}
    if "all" in answers and not all(answers["all"]):
        return False
    if "any" in answers and not any(answers["any"]):
        return False
    return not any(answers.get("none", []))


def event_leaf_holds(leaf: Json, event: Json) -> bool:
    if "property" in leaf:
        return value_holds(leaf, at_path(event["properties"], leaf["property"]))
    return value_holds(leaf, at_path(event["context"], leaf["context"]))


def trait_leaf_holds(leaf: Json, traits: Json) -> bool:
    return value_holds(leaf, at_path(traits, leaf["trait"]))


def at_path(value: Any, path: str) -> Any:
    if isinstance(value, list):
        found = [inner for element in flattened(value) if (inner := at_path(element, path)) is not None]
        return flattened(found) if found else None
    if not isinstance(value, dict):
        return None
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        inner = value.get(".".join(parts[:length]))
        if length < len(parts):
            inner = at_path(inner, ".".join(parts[length:]))
        if inner is not None:
            return inner
    return None


def flattened(values: list[Any]) -> list[Any]:
    return [inner for value in values for inner in (flattened(value) if isinstance(value, list) else [value])]


def value_holds(leaf: Json, value: Any) -> bool:
    operators = {name: operand for name, operand in leaf.items() if name not in {"property", "context", "trait"}}
    exists = operators.pop("exists", None)
    if value is None:
        return exists is False and not operators
    if exists is False:
        return False
    elements = value if isinstance(value, list) else [value]
    if "ne" in operators and any(passes("eq", operators["ne"], element) for element in elements):
        return False
    if "not_in" in operators and any(passes("in", operators["not_in"], element) for element in elements):
        return False
    positive = {name: operand for name, operand in operators.items() if name not in {"ne", "not_in"}}
    if not positive:
        return True
    return any(all(passes(name, operand, element) for name, operand in positive.items()) for element in elements)


PARTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda found, wanted: wanted in found,
    "starts_with": lambda found, wanted: found[: len(wanted)] == wanted,
    "ends_with": lambda found, wanted: found[-len(wanted) :] == wanted,
}


def passes(operator: str, operand: Any, element: Any) -> bool:
    if operator == "in":
        return any(passes("eq", one, element) for one in operand)
    if operator == "eq" and isinstance(operand, str) and not isinstance(element, str | bool):
        number = number_in(operand)
        if number is not None and number == element:
            return True
    found = read_like(operand, element)
    wanted = visible(operand) if isinstance(operand, str) else operand
    if found is None:
        return False
    if operator == "eq" and isinstance(found, str):
        found, wanted = without_zeros(found), without_zeros(wanted)
    if operator in PARTS:
        return PARTS[operator](found, wanted or " ")
    return compare(operator, found, wanted)


def compare(operator: str, actual: Any, expected: Any) -> bool:
    if operator == "eq":
        return bool(actual == expected)
    if operator == "gt":
        return bool(actual > expected)
    if operator == "gte":
        return bool(actual >= expected)
    if operator == "lt":
        return bool(actual < expected)
    assert operator == "lte", operator
    return bool(actual <= expected)


def read_like(operand: Any, value: Any) -> Any:
    """The value converted to the operand's type; None if it can't be."""
    if not isinstance(value, str | bool | int | float):
        return None
    if isinstance(operand, bool):
        return {
            "true": True,
            "yes": True,
            "on": True,
            "1": True,
            "false": False,
            "no": False,
            "off": False,
            "0": False,
        }.get(str(read_like("", value)))
    if isinstance(operand, str):
        return visible(value) if isinstance(value, str) else json.dumps(value).removesuffix(".0")
    if isinstance(value, str):
        return number_in(value)
    return None if isinstance(value, bool) else value


INVISIBLE = "\u200b\u200e\ufeff"  # those that the strategies generate


def visible(text: str) -> str:
    composed = unicodedata.normalize("NFKC", "".join(each for each in text if each not in INVISIBLE))
    return " ".join(composed.replace("\u2014", "-").casefold().split())


def without_zeros(text: str) -> str:
    whole, point, decimals = text.partition(".")
    digits = whole.removeprefix("-")
    plain = digits.isdecimal() and (digits == "0" or digits[0] != "0")
    return whole if plain and point and decimals and not decimals.strip("0") else text


def number_in(text: str) -> float | None:
    text = visible(text)
    for separator in ",' ":
        first, *groups = text.partition(".")[0].split(separator)
        whole = first.lstrip("+-")
        if groups and all(len(group) == 3 for group in groups) and 1 <= len(whole) <= 3 and whole[0] != "0":
            text = text.replace(separator, "")
    if not text.isascii() or "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


# --- Scores -----------------------------------------------------------------------------------------------------


def cents(points: float) -> Decimal:
    return Decimal(str(round(points, 2)))


def ledger(score: Json, score_name: str, past: Past, today: date) -> list[Line]:
    lines: list[Line] = []
    of_group: dict[str, Decimal] = dict.fromkeys(score.get("groups", {}), Decimal(0))
    for name, rule in score["rules"].items():
        line = rule_line(name, rule, past, today)
        cap = cents(rule.get("max_points", math.inf)) if "max_points" in rule else abs(line.points)
        capped = max(-cap, min(cap, line.points))
        lines += [line, Line(name, "rule_cap", capped - line.points)]
        if "group" in rule:
            of_group[rule["group"]] += capped
    for group, total in of_group.items():
        lines.append(Line(group, "group_cap", min(Decimal(0), cents(score["groups"][group]["max"]) - total)))
    total = sum((line.points for line in lines), Decimal(0))
    kept = max(total, cents(score["min"])) if "min" in score else total
    kept = min(kept, cents(score["max"])) if "max" in score else kept
    lines.append(Line(score_name, "score_limit", kept - total))
    return [line for line in lines if line.points]


def rule_line(name: str, rule: Json, past: Past, today: date) -> Line:
    nothing, everything = Line(name, "rule", Decimal(0)), Line(name, "rule", cents(rule["points"]))
    if "when" in rule:
        return everything if holds(rule["when"], lambda leaf: trait_leaf_holds(leaf, past.traits)) else nothing
    if "inactive_for_days" in rule:
        quiet = past.last_seen is not None and (today - past.last_seen).days >= rule["inactive_for_days"]
        return everything if quiet else nothing
    hits = hits_on_days(past.hits[rule["signal"]], rule.get("per_day"), today)
    if "within_days" in rule:
        recent = {day: count for day, count in hits.items() if (today - day).days < rule["within_days"]}
        points = rule["points"] if sum(recent.values()) >= rule["at_least"] else 0
        return Line(name, "rule", cents(points), sum(recent.values()), max(recent, default=None))
    weights = {day: weight(rule, (today - day).days) for day in hits}
    live = {day: count for day, count in hits.items() if weights[day] > 0}
    points = rule["points"] * math.fsum(count * weights[day] for day, count in live.items())
    return Line(name, "rule", cents(points), sum(live.values()), max(live, default=None))


def hits_on_days(hits: list[date], per_day: int | None, today: date) -> dict[date, int]:
    past_days = sorted({day for day in hits if day <= today})
    counts = {day: hits.count(day) for day in past_days}
    return {day: min(count, per_day) if per_day else count for day, count in counts.items()}


def weight(rule: Json, age: int) -> float:
    if "expires_after_days" in rule:
        return 1.0 if age < rule["expires_after_days"] else 0.0
    if "half_life_days" in rule:
        return float(2 ** (-age / rule["half_life_days"]))
    if "fades_over_days" in rule:
        return float(max(0, 1 - age / rule["fades_over_days"]))
    return 1.0


def band(score: Json, value: float) -> str | None:
    bands = {
        name: band["threshold"] if isinstance(band, dict) else band for name, band in score.get("bands", {}).items()
    }
    reached = {name: threshold for name, threshold in bands.items() if value >= threshold}
    return max(reached, key=lambda name: reached[name]) if reached else None


# --- Stages -----------------------------------------------------------------------------------------------------


def stage(model: Json, past: Past, scores: dict[str, float], today: date, before: str | None) -> str:
    """The highest stage whose `when` holds or, if the lead is already in it, whose `keep` holds."""

    def leaf_holds(leaf: Json) -> bool:
        if "trait" in leaf:
            return trait_leaf_holds(leaf, past.traits)
        if "score" in leaf:
            return value_holds({name: leaf[name] for name in leaf if name != "score"}, scores[leaf["score"]])
        ages = [(today - day).days for day in past.hits[leaf["signal"]]]
        young = [age for age in ages if 0 <= age < leaf.get("within_days", math.inf)]
        return bool(len(young) >= leaf.get("at_least", 1))

    on = str(model["stages"][0]["name"])
    for rung in model["stages"][1:]:
        lets_in = holds(rung["when"], leaf_holds)
        keeps = rung["name"] == before and "keep" in rung and holds(rung["keep"], leaf_holds)
        if lets_in or keeps:
            on = str(rung["name"])
    return on
