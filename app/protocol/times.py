"""Client times: parsing them, and correcting them for a wrong clock.

Only unambiguous times are accepted: 01/02/2026 may be two different days, and IST several time zones.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.errors import InvalidMessage
from app.scoring.strings import comparable, with_ascii_digits

# What nearly every client sends. `fromisoformat` parses it directly, and `_SHAPES` match the rest.
_USUAL = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_SIX_DIGITS = re.compile(r"^\+00(?=\d{4}-)", re.ASCII)  # ISO 8601 allows +002026 for a year
_AFTER_9999 = re.compile(r"\+\d{6}-", re.ASCII)  # JavaScript writes the year 10000 as +010000
_MAX_LENGTH = 100
# Java writes an exponent after all digits; a spreadsheet's 1.76804E+12 has lost some.
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\d\.\d{6,}e\+?\d+)", re.ASCII)

# --- Other formats, in comparable form: lower case, single spaces, ASCII digits and hyphens

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? )?"
# Some programs leave out a fraction of zero, but not its point.
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,\u066b](?P<fraction>\d*))?)?"
_ZONE = r"(?P<zone>z|utc|gmt|ut|[ecmp][sd]t|(?:utc|gmt)?[+-]\d\d(?::?\d\d)?)(?:(?<=[+-]00:00|.[+-]0000)z)?"
# What may follow an offset is redundant: `+0100 CET` (Go), `[Europe/Paris]` (Java), `(CET)` (JavaScript).
_ZONED = rf"(?: ?{_ZONE}(?:(?<=\d) [a-z]{{2,5}})?)?(?: m=\S+)?(?: ?\[.*\]| ?\(.*\))?"
_AT = rf"(?:(?:t|,? (?:at )?){_CLOCK}{_ZONED})?"
_COMPACT = r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?:[.,](?P<fraction>\d+))?"
_SHAPES = tuple(
    re.compile(shape, re.ASCII)
    for shape in (
        rf"(?P<year>\d{{4}})([-/.])(?P<month>\d\d?)\2(?P<day>\d\d?){_AT}",
        # Only with 19 or 20 at the beginning; other numbers count from the epoch.
        rf"(?P<year>(?:19|20)\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)(?:[t ]?{_COMPACT}{_ZONED})?",
        rf"{_WEEKDAY}(?P<day>\d\d?)[ -]{_MONTH},?[ -](?P<year>\d{{4}}){_AT}",  # RFC 2822, HTTP
        rf"{_WEEKDAY}{_MONTH} (?P<day>\d\d?),? (?P<year>\d{{4}}){_AT}",  # JavaScript
        rf"{_WEEKDAY}{_MONTH} (?P<day>\d\d?) {_CLOCK}(?: {_ZONE})? (?P<year>\d{{4}})",  # C, Ruby, Java
    )
)
_HALF_OF_DAY = re.compile(r"(?<=\d) ?([ap])\.? ?m\b\.?", re.ASCII)  # phones with a 12-hour clock add it to any shape
# What programs write around a time: `Optional(…)`, `ISODate("…")`; `/Date(1768039200000+0100)/` is still UTC.
_CALL = re.compile(r"\W*(?:new )?[a-z_.]*\((.*?)(?:(?<=date\(\d{13})[+-]\d{4})?\)\W*", re.ASCII)
_QUOTES = " \"'`<>"
_OFFSETS = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}  # RFC 2822

# --- Times that were never set

_NOTHING = frozenset(
    {"null", "none", "nil", "undefined", "undef", "nan", "nat", "n/a", "#n/a", "na", "never", "not set", "unset"}
    | {"unknown", "dbnull", "system.dbnull", "no value", "not available", "\\n", "empty", "false", "[object object]"}
)
_YEAR_BEFORE_1900 = r"(?:0\d|1[0-8])\d\d"
_EARLY = re.compile(
    rf"-\d{{4,6}}-\d|{_YEAR_BEFORE_1900}([-/.])\d\d?\1\d|\d\d?([-/.])\d\d?\2{_YEAR_BEFORE_1900}\b", re.ASCII
)
"""The zero times of Go, .NET, MySQL, Windows and SQL Server, including invalid dates (0000-00-00). Also years in the
calendars of some phones: 2026 is 1404 in the Persian one and 8 in the Japanese one."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_ZEROS = (
    _EARLIEST,  # SQL Server
    datetime(1904, 1, 1, tzinfo=UTC),  # the older Macintosh
    _EPOCH,
)
_DAY = timedelta(days=1)
_LAST_ZERO = _ZEROS[-1] + _DAY

_UNITS = (
    (10**11, timedelta(seconds=1)),
    (10**14, timedelta(milliseconds=1)),
    (10**17, timedelta(microseconds=1)),
)
"""A number below 10^11 is in seconds: in milliseconds it would be before March 1973, which no client sends. The same
goes for milliseconds and microseconds; larger numbers are nanoseconds."""


def read_time(value: Any, field: str) -> datetime | None:
    """A time in UTC; None if there is no value. A time without a zone is in UTC; a number counts from the epoch.

    Times that were never set also give None: a spelling of null, a year before 1900, or the first day of an epoch, such
    as 1970-01-01, give or take a day for the zone.

    Raises InvalidMessage: `out-of-range` after the year 9999, `validation-error` if it is not a time.
    """
    if not value:
        return None
    try:
        moment = _from_text(value) if isinstance(value, str) else _from_epoch(value)
    except OverflowError:
        raise InvalidMessage("out-of-range", f"`{field}` must be within the years 1 to 9999 in UTC.") from None
    except (TypeError, ValueError):
        remedy = "use RFC 3339, such as 2030-01-31T12:00:00Z."
        raise InvalidMessage("validation-error", f"`{field}` is not a time: {remedy}") from None
    return moment if moment is not None and (moment > _LAST_ZERO or not _is_zero(moment)) else None


def first_time(candidates: Iterable[tuple[str, Any]]) -> datetime | None:
    """The first usable time of these (field, value) pairs; None if none has a value.

    Raises InvalidMessage if one is invalid and none is usable.
    """
    fault: InvalidMessage | None = None
    for field, value in candidates:
        try:
            moment = read_time(value, field)
        except InvalidMessage as error:
            fault = fault or error
        else:
            if moment is not None:
                return moment
    if fault:
        raise fault
    return None


def readable_time(value: Any) -> datetime | None:
    """Like `read_time`, but None if the time can't be read: for times that only help to interpret others."""
    try:
        return read_time(value, "")
    except InvalidMessage:
        return None


def occurred_at(claimed: datetime | None, sent_at: datetime | None, received_at: datetime) -> datetime:
    """When the event happened by our clock: `received_at - (sent_at - claimed)`, as Segment specifies.

    This corrects the client's clock, by comparing it with ours at the time of sending. Without a `sent_at`, or if the
    result would be outside the calendar, `claimed` is used as it is. The result is never later than `received_at`.
    """
    if claimed is None:
        return received_at
    if sent_at is not None:
        try:
            corrected = received_at - (sent_at - claimed)
        except OverflowError:
            corrected = claimed
        claimed = corrected if corrected >= _EARLIEST else claimed
    return min(claimed, received_at)


def _from_text(text: str) -> datetime | None:
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        raise ValueError
    if not _USUAL.fullmatch(text):
        return _from_unusual(with_ascii_digits(comparable(text)))
    if text < "1900":
        return None
    try:
        return _in_utc(datetime.fromisoformat(text.upper()))
    except ValueError:  # 23:59:60 or 24:00:00, or not a time
        return _from_unusual(text.lower())


def _from_unusual(text: str) -> datetime | None:
    text = _SIX_DIGITS.sub("", _unwrapped(text))
    if not text.strip("-") or text in _NOTHING or text.startswith("invalid") or _EARLY.match(text):
        return None
    if _AFTER_9999.match(text):
        raise OverflowError
    half = _HALF_OF_DAY.search(text)
    clock = _HALF_OF_DAY.sub("", text, count=1)
    for shape in _SHAPES:
        if match := shape.fullmatch(clock):
            return _from_parts(match.groupdict(), half and half[1])
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return _from_epoch(int(text) if text.lstrip("+-").isdecimal() else float(text))


def _unwrapped(text: str) -> str:
    call = _CALL.fullmatch(text)
    return (call[1] if call else text).strip(_QUOTES)


def _from_parts(parts: Mapping[str, str | None], half: str | None) -> datetime:
    """The moment given by a shape's named groups and the half of the day (`a`, `p`).

    24:00 is the next day's midnight; a leap second counts as the second before.
    """
    month = parts["month"] or ""
    numbers = {name: int(parts.get(name) or 0) for name in ("year", "day", "hour", "minute", "second")}
    number = int(month) if month.isdecimal() else _MONTHS.index(month) + 1
    ends_day = (numbers["hour"], numbers["minute"], numbers["second"]) == (24, 0, 0)
    local = datetime(
        numbers["year"],
        number,
        numbers["day"],
        0 if ends_day else _hour_of_day(numbers["hour"], half),
        numbers["minute"],
        59 if numbers["second"] == 60 else numbers["second"],  # noqa: PLR2004
        int(f"{parts.get('fraction') or 0:0<6}"[:6]),
        tzinfo=UTC,
    )
    return local + _DAY * ends_day - _offset(parts.get("zone"))


def _hour_of_day(hour: int, half: str | None) -> int:
    """The hour on a 24-hour clock. `14:00 PM` is accepted, too."""
    if half is None or (half == "p" and hour > 12):  # noqa: PLR2004
        return hour
    if not 0 < hour <= 12:  # noqa: PLR2004
        raise ValueError
    return hour % 12 + (12 if half == "p" else 0)


def _offset(zone: str | None) -> timedelta:
    zone = (zone or "").removeprefix("utc").removeprefix("gmt").replace(":", "")
    if zone[:1] not in ("+", "-"):
        return timedelta(hours=_OFFSETS.get(zone, 0))
    hours, minutes = int(zone[1:3]), int(zone[3:] or 0)
    if hours > 23 or minutes > 59:  # noqa: PLR2004
        raise ValueError
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_epoch(number: Any) -> datetime:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError
    for limit, unit in _UNITS:
        if abs(number) < limit:
            return _EPOCH + number * unit
    return _EPOCH + number / 1000 * timedelta(microseconds=1)


def _is_zero(moment: datetime) -> bool:
    return moment < _EARLIEST or any(abs(moment - zero) <= _DAY for zero in _ZEROS)
