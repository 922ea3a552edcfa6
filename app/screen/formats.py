"""Figures, days and texts as the pages write them; filters for the templates."""

import json
from datetime import date, datetime, timedelta

MAX_TEXT = 200
"""Whoever sends events decides how long their texts are."""

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def number(value: float) -> str:
    """`12,345`, and `−1.5` with a real minus."""
    return f"{value:,.10g}".replace("-", MINUS)


def score(value: float) -> str:
    return f"{value:.1f}".replace("-", MINUS)


def points(value: float, decimals: int = 2) -> str:
    """With a sign: `+14.00`."""
    return f"{value:+.{decimals}f}".replace("-", MINUS)


def cut(value: object, length: int = MAX_TEXT) -> str:
    """Of lists, maps, booleans and null, their JSON, as the API answers them."""
    is_json = value is None or isinstance(value, bool | list | dict)
    text = json.dumps(value, ensure_ascii=False) if is_json else str(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def utc(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def day(on: date, today: date) -> str:
    """`17 Nov`, and the year unless it is this one."""
    return f"{on.day} {on:%b}" + ("" if on.year == today.year else f" {on.year}")


def long_day(on: date, today: date) -> str:
    return f"{on.day} {on:%B}" + ("" if on.year == today.year else f" {on.year}")


def ago(moment: datetime, now: datetime) -> str:
    return duration((now - moment).total_seconds())


def duration(seconds: float) -> str:
    """In the largest unit that it fills: `34 min`, `2 h`, `3 d`."""
    passed = max(timedelta(seconds=seconds), timedelta(0))
    if passed < HOUR:
        return f"{passed // MINUTE} min"
    return f"{passed // HOUR} h" if passed < DAY else f"{passed // DAY:,} d"
