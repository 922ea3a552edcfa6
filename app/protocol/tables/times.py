"""The times that spreadsheets, databases and exports write in a cell."""

import re
from typing import Literal

from app.errors import InvalidMessage
from app.protocol.times import read_time
from app.scoring.strings import with_ascii_digits

DateOrder = Literal["dmy", "mdy"]

_NUMBER = re.compile(r"\d{9,19}(?:\.\d+)?", re.ASCII)
_COMPACT = re.compile(r"((?:19|20)\d\d)([01]\d)([0-3]\d)", re.ASCII)
_DAY_AND_MONTH = re.compile(
    r"(?P<first>\d{1,2})(?P<separator>[./-])(?P<second>\d{1,2})(?P=separator)(?P<year>\d{4})"
    r"(?:,? +(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<seconds>\d\d))?(?: *(?P<half>[AaPp])\.?[Mm]\.?)?)?",
    re.ASCII,
)
_LEAST_MICROSECONDS = 10**14
_LEAST_NANOSECONDS = 10**17


def read_cell_time(text: str, column: str, order: DateOrder | None) -> str | None:
    """The time in a cell as RFC 3339, None where it says that there is none. A number counts from the epoch.

    Raises InvalidMessage, which says what to do about dates such as 01/02/2026.
    """
    written = _rewrite(with_ascii_digits(text), column, order)
    try:
        moment = read_time(written, column)
    except InvalidMessage as fault:
        if fault.code == "out-of-range":
            raise
        raise _unreadable(column) from None
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _rewrite(text: str, column: str, order: DateOrder | None) -> str | float:
    """The same time in a form that clients send."""
    if _NUMBER.fullmatch(text):
        return _scale(float(text))
    if match := _COMPACT.fullmatch(text):
        return "-".join(match.groups())
    if match := _DAY_AND_MONTH.fullmatch(text):
        return _read_day_and_month(match, column, order)
    return f"{text.removesuffix('UTC').rstrip()}Z" if text.endswith(" UTC") else text  # so does BigQuery write them


def _scale(number: float) -> float:
    if number >= _LEAST_NANOSECONDS:
        return number / 1_000_000
    return number / 1_000 if number >= _LEAST_MICROSECONDS else number


def _read_day_and_month(match: re.Match[str], column: str, order: DateOrder | None) -> str:
    order = order or ("dmy" if match["separator"] == "." else None)
    if order is None:
        raise InvalidMessage(
            "validation-error",
            f"`{column}` may mean two days: say which comes first, the day (--dates dmy) or the month (--dates mdy).",
        )
    day, month = (match["first"], match["second"]) if order == "dmy" else (match["second"], match["first"])
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] in "Pp" else 0)
    clock = f"{hour:02}:{match['minute'] or '00'}:{match['seconds'] or '00'}"
    return f"{match['year']}-{month:0>2}-{day:0>2}T{clock}Z"


def _unreadable(column: str) -> InvalidMessage:
    return InvalidMessage("validation-error", f"`{column}` is not a time: write it such as 2030-01-31T12:00:00Z.")
