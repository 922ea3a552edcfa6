"""Limits of scores in query parameters, such as `min_score=engagement:40`."""

from collections.abc import Callable, Iterable

from app.errors import ValidationFailed
from app.validation.numbers import read_number


def score_limits(field: str, texts: Iterable[str], stricter: Callable[[float, float], float]) -> dict[str, float]:
    """The strictest limit of each score, since all of them must hold. Raises `ValidationFailed`."""
    limits: dict[str, float] = {}
    for text in texts:
        name, limit = _limit(field, text)
        limits[name] = stricter(limit, limits.get(name, limit))
    return limits


def _limit(field: str, text: str) -> tuple[str, float]:
    name, _, number = text.partition(":")
    try:
        return name, read_number(number)
    except ValueError:
        raise ValidationFailed(f"`{field}` must be a score's name and a number, such as engagement:40.") from None
