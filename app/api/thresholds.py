"""Thresholds of scores in query parameters, such as `min_score=engagement:40`."""

import math
from collections.abc import Iterable

from app.errors import ValidationFailed


def min_scores(texts: Iterable[str]) -> dict[str, float]:
    """The highest threshold of each score: all of them must be reached. Raises `ValidationFailed`."""
    scores: dict[str, float] = {}
    for name, least in map(_min_score, texts):
        scores[name] = max(least, scores.get(name, least))
    return scores


def _min_score(text: str) -> tuple[str, float]:
    name, _, number = text.partition(":")
    try:
        least = float(number)
    except ValueError:
        least = math.nan
    if not math.isfinite(least):
        raise ValidationFailed("`min_score` must be a score's name and a number, such as engagement:40.")
    return name, least
