"""The times that spreadsheets, databases and exports write in a cell."""

import re
from typing import Literal

from app.errors import InvalidMessage
from app.protocol.times import read_time
from app.scoring.strings import with_ascii_digits

DateOrder = Literal["dmy", "mdy"]

# A year or a spreadsheet's day number, which as seconds would be in 1970. Eight digits may be a date.
_SMALL_NUMBER = re.compile(r"\d{1,7}(?:\.\d*)?|\d{8}\.\d*|(?!19|20)\d{8}", re.ASCII)
_EXCELS_DAY = re.compile(r"\d{5}(?:[.,]\d*)?", re.ASCII)  # from 1927 to 2173, in the reader's time zone
_DAY_AND_MONTH = re.compile(
    r"(?P<first>\d{1,2})(?P<separator>[./-])(?P<second>\d{1,2})(?P=separator)(?P<year>\d{4})"
    r"(?:,? +(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<seconds>\d\d))?(?: *(?P<half>[AaPp])\.?[Mm]\.?)?)?",
    re.ASCII,
)


def read_cell_time(text: str, column: str, order: DateOrder | None) -> str | None:
    """The time in a cell as RFC 3339; None if it stands for no time. A number counts from the epoch.

    Raises InvalidMessage, which explains `--dates` if a date such as 01/02/2026 needs it.
    """
    text = with_ascii_digits(text)
    if _EXCELS_DAY.fullmatch(text):
        raise InvalidMessage(
            "validation-error",
            f"`{column}` is not a time but a number of days, as Excel counts them: "
            "format the column as yyyy-mm-dd hh:mm:ss and save the file again.",
        )
    if _SMALL_NUMBER.fullmatch(text):
        raise _unreadable(column)
    match = _DAY_AND_MONTH.fullmatch(text)
    try:
        moment = read_time(_read_day_and_month(match, column, order) if match else text, column)
    except InvalidMessage as fault:
        if fault.code == "out-of-range" or match:
            raise
        raise _unreadable(column) from None
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _read_day_and_month(match: re.Match[str], column: str, order: DateOrder | None) -> str:
    order = order or ("dmy" if match["separator"] == "." else None)
    if order is None:
        raise InvalidMessage(
            "validation-error",
            f"`{column}` is ambiguous: say which comes first, the day (--dates dmy) or the month (--dates mdy).",
        )
    day, month = (match["first"], match["second"]) if order == "dmy" else (match["second"], match["first"])
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] in "Pp" else 0)
    clock = f"{hour:02}:{match['minute'] or '00'}:{match['seconds'] or '00'}"
    return f"{match['year']}-{month:0>2}-{day:0>2}T{clock}Z"


def _unreadable(column: str) -> InvalidMessage:
    return InvalidMessage("validation-error", f"`{column}` is not a time: use RFC 3339, such as 2030-01-31T12:00:00Z.")
