"""What the names in a model are called on pages: their titles or, without one, the names as words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.scoring.stages import Cause
from app.screen.charts import Scale, scale_of

MAX_COLUMNS = 2


def as_words(name: str) -> str:
    """`pricing_viewed` → `Pricing viewed`."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def channel_title(name: str) -> str:
    """`ai_assistant` → `AI assistant`."""
    return as_words(name).replace("Ai ", "AI ")


CAUSES: Mapping[Cause, str] = {
    "event": "by an event",
    "merge": "by a merge",
    "split": "by a split",
    "retraction": "by a retraction",
    "time": "with time",
    "model": "by a new model",
}


def cause(name: Cause) -> str:
    return CAUSES[name]


def title_of(part: Mapping[str, Any] | None, name: str) -> str:
    return (part or {}).get("title") or as_words(name)


@dataclass(frozen=True, slots=True)
class ScoreLook:
    """`colour` is a class of the stylesheet, which has two; further scores repeat them. `rules`: their titles."""

    name: str
    title: str
    colour: str
    scale: Scale
    bands: Mapping[str, float]
    rules: Mapping[str, str]

    def rule_title(self, rule: str) -> str:
        """Also for rules of older models, and for groups."""
        return self.rules.get(rule) or as_words(rule)


def score_looks(model: Mapping[str, Any]) -> dict[str, ScoreLook]:
    """The scores of a model's document, by name and in their order. There may be none."""
    return {look.name: look for look in _score_looks(model.get("scores", {}))}


def shown_scores(looks: Mapping[str, ScoreLook]) -> dict[str, ScoreLook]:
    """The scores that tables have columns for: the first ones of the model."""
    return dict(islice(looks.items(), MAX_COLUMNS))


def _score_looks(scores: Mapping[str, Any]) -> Iterator[ScoreLook]:
    for index, (name, score) in enumerate(scores.items()):
        bands = score.get("bands", {})
        rules = {rule: title_of(item, rule) for rule, item in score["rules"].items()}
        scale = scale_of(score.get("min"), score.get("max"), bands.values())
        yield ScoreLook(name, title_of(score, name), f"sc{index % 2 + 1}", scale, bands, rules)
