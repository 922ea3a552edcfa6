"""Turning a table's rows into messages: one per row, or a person and the events whose times the row has."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from app.errors import InvalidMessage
from app.protocol.history import Entry, fingerprint
from app.protocol.tables.layout import Layout, Path
from app.protocol.tables.reading import Row
from app.protocol.tables.shapes import settle_distinct_ids
from app.protocol.tables.times import read_cell_time

NOTHING = frozenset({"", "NULL", "null", "(null)", "<null>", "\\N", "NaN", "nan", "#N/A"})
"""What databases and spreadsheets write for a missing value. `Null` is left out: it is a surname."""

_BY_STRENGTH: tuple[Path, ...] = (("userId",), ("traits", "email"), ("traits", "phone"), ("anonymousId",))


class RowReader:
    """Turns the rows of one table into messages."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._paths = [layout.path_of(target) if target else None for target in layout.targets]
        self._path_of_member = lru_cache(maxsize=4096)(self._find_path_of_member)

    def read(self, row: Row) -> Iterator[Entry]:
        """A row's messages. An unreadable time rejects the whole row."""
        if row.fault is not None:
            yield Entry(row.line, fault=row.fault)
            return
        cells = ["" if cell in NOTHING else cell for cell in row.cells]
        try:
            message = self._read_message(cells)
            events = list(self._read_events(message, cells))
        except InvalidMessage as fault:
            yield Entry(row.line, fault=fault)
            return
        yield Entry(row.line, message, self._content(message, cells))
        yield from (Entry(row.line, event) for event in events)

    def _content(self, message: Mapping[str, Any], cells: list[str]) -> bytes:
        """What identifies a row: a person's message, or an event's cells, however its columns are mapped."""
        if self._layout.kind == "person":
            return orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
        filled = {name: cell for name, cell in zip(self._layout.columns, cells, strict=True) if cell}
        return json.dumps([self._layout.options.event, filled], sort_keys=True).encode()

    def _read_message(self, cells: list[str]) -> dict[str, Any]:
        message: dict[str, Any] = {}
        for column, path, cell in zip(self._layout.columns, self._paths, cells, strict=True):
            if not cell or path is None:
                continue
            if path == ("timestamp",):
                message["timestamp"] = read_cell_time(cell, column, self._layout.options.dates)
            elif path[-1] == "*":
                self._place_members(message, path, _read_object(cell, column))
            else:
                self._place(message, path, cell)
        if ("timestamp",) in self._paths and self._layout.kind == "event" and not message.get("timestamp"):
            time = self._layout.columns[self._paths.index(("timestamp",))]
            raise InvalidMessage("validation-error", f"`{time}` is empty: an event needs a time.")
        settle_distinct_ids(message)
        return self._with_type(message)

    def _with_type(self, message: dict[str, Any]) -> dict[str, Any]:
        if self._layout.kind == "person":
            return {"type": "identify", **message}
        _complete_page(message)
        event = self._layout.options.event or message.pop("event", "")
        shape = self._layout.shape
        message_type = shape.types.get(event, shape.type) if shape else "track"
        named = {"event": event} if message_type == "track" else {}
        return {"type": message_type, **named, **message}

    def _read_events(self, person: Mapping[str, Any], cells: list[str]) -> Iterator[dict[str, Any]]:
        """The events whose times are in the row. Their ids depend only on the person, the event and the time."""
        who = {key: person[key] for key in ("userId", "anonymousId") if key in person}
        traits = {key: person["traits"][key] for key in ("email", "phone") if key in person.get("traits", ())}
        for event, index in self._layout.event_times:
            if not cells[index]:
                continue
            time = read_cell_time(cells[index], self._layout.columns[index], self._layout.options.dates)
            if time is not None:
                key = fingerprint(orjson.dumps([event, time, _strongest(person)]))
                named = {"type": "track", "event": event, "timestamp": time, "messageId": f"row-{key}"}
                yield {**named, **who, "context": {"traits": traits}}

    def _place_members(self, message: dict[str, Any], path: Path, members: Mapping[str, Any]) -> None:
        for name, value in members.items():
            if value is None or value == "":
                continue
            target = (*path[:-1], name.lstrip("$")) if "traits" in path else self._path_of_member(name)
            if target is not None and target[-1] == "*":
                self._place_members(message, target, value if isinstance(value, dict) else {})
            elif target is not None:
                self._place(message, target, value)

    def _find_path_of_member(self, name: str) -> Path | None:
        target = self._layout.target_of_member(name)
        return self._layout.path_of(target) if target else None

    def _place(self, message: dict[str, Any], path: Path, value: Any) -> None:
        """Put a value at its path, unless another column has filled it."""
        if path == ("distinctIds",):
            message.setdefault("distinctIds", []).extend(_read_list(value))
            return
        place = message
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place.setdefault(path[-1], value)


def _read_object(cell: str, column: str) -> dict[str, Any]:
    try:
        members = orjson.loads(cell)
    except orjson.JSONDecodeError:
        members = None
    if not isinstance(members, dict):
        raise InvalidMessage("malformed-json", f"`{column}` must be a JSON object or empty.")
    return members


def _read_list(value: Any) -> list[Any]:
    """The ids in a cell: a JSON list, or a single id."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return [value]
    return value if isinstance(value, list) else [value]


def _strongest(person: Mapping[str, Any]) -> tuple[Path, str] | None:
    for path in _BY_STRENGTH:
        value: Any = person
        for key in path:
            value = value.get(key, {})
        if value:
            return path, str(value).casefold()
    return None


def _complete_page(message: dict[str, Any]) -> None:
    """Add the path and the query of the page's URL, as browser libraries send them."""
    page = message.get("context", {}).get("page", {})
    try:
        parts = urlsplit(str(page.get("url", "")))
    except ValueError:
        return
    if parts.netloc:
        page.setdefault("path", parts.path or "/")
        if parts.query:
            page.setdefault("search", f"?{parts.query}")
