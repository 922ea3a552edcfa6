"""The layout of a table: what each column means, by the options, by a known export, or by its name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.errors import UnreadableFile
from app.protocol.form_names import trait_of
from app.protocol.tables import names
from app.protocol.tables.names import comparable_name, tidy_name
from app.protocol.tables.reading import list_names
from app.protocol.tables.shapes import RowKind, Shape, property_name, recognise, unwrap
from app.protocol.tables.times import DateOrder

Path = tuple[str, ...]

_WHO = frozenset({"userId", "anonymousId", "email", "phone", "distinctIds"})
_ONCE = frozenset({*_WHO, "messageId", "timestamp", "event"}) - {"distinctIds"}
_FIELDS = {comparable_name(name): name for name in _ONCE}
_OWN: Mapping[RowKind, str] = {"person": "traits", "event": "properties"}  # what a row's other columns are
_OBJECTS = ("traits.", "properties.", "context.")


@dataclass(frozen=True, slots=True)
class TableOptions:
    """The user's options. `targets` are by column; `event_times` are columns by the event that they date."""

    format: str | None = None
    targets: Mapping[str, str] = field(default_factory=dict)
    event: str | None = None
    event_column: str | None = None
    event_times: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None
    dates: DateOrder | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table's rows are, and each column's target, in order; `""` for a column that is left out."""

    kind: RowKind
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    event_times: tuple[tuple[str, int], ...]
    options: TableOptions
    shape: Shape | None

    def target_of_member(self, name: str) -> str:
        """The target of a member of a JSON object whose members count as columns."""
        known = self.shape.target_of_member(name) if self.shape else None
        return f"properties.{property_name(name)}" if known is None else known

    def path_of(self, target: str) -> Path:
        """A target's path in a message. In an event, the person's traits are in the context, as clients send them."""
        person = ("traits",) if self.kind == "person" else ("context", "traits")
        if target in ("email", "phone"):
            return (*person, target)
        if target in _ONCE or target == "distinctIds":
            return (target,)
        top, dot, rest = target.partition(".")
        if not dot or f"{top}." not in _OBJECTS:
            return (_OWN[self.kind], target)
        if top == "context":
            return (top, *rest.split("."))
        return (*person, rest) if top == "traits" else (top, rest)


def understand(columns: Sequence[str], options: TableOptions) -> Layout:
    """The layout of a table with this header.

    Raises UnreadableFile if an option names a missing column, two columns have the same target, or no column identifies
    the person.
    """
    shape = recognise(columns, options.format)
    chosen = _chosen_targets(columns, options)
    kind = _kind_of(columns, options, shape, chosen.values())
    event_times = tuple((event, _find(columns, column)) for event, column in options.event_times.items())
    chosen |= dict.fromkeys((index for _, index in event_times), "")
    targets = _Targets(columns, shape, kind, chosen).find_all()
    layout = Layout(kind, tuple(columns), targets, event_times, options, shape)
    _check(layout)
    return layout


def _chosen_targets(columns: Sequence[str], options: TableOptions) -> dict[int, str]:
    chosen = {_find(columns, column): _tidy_target(target) for column, target in options.targets.items()}
    if options.time is not None:
        chosen[_find(columns, options.time)] = "timestamp"
    if options.event_column is not None:
        chosen[_find(columns, options.event_column)] = "event"
    return chosen


def _tidy_target(target: str) -> str:
    return _FIELDS.get(comparable_name(target), target) if not target.startswith(_OBJECTS) else target


def _find(columns: Sequence[str], name: str) -> int:
    """The index of the column that an option names: an exact match, or else the only column with an equal name."""
    if name in columns:
        return columns.index(name)
    same = [index for index, column in enumerate(columns) if comparable_name(column) == comparable_name(name)]
    if len(same) == 1:
        return same[0]
    raise UnreadableFile(f"There is no column `{name}` in the file. Its columns: {list_names(columns)}.")


def _kind_of(columns: Iterable[str], options: TableOptions, shape: Shape | None, chosen: Iterable[str]) -> RowKind:
    if options.event_times:
        return "person"
    if options.event is not None or "event" in chosen:
        return "event"
    if shape:
        return shape.kind
    return "event" if {comparable_name(column) for column in columns} & {*names.EVENT_NAMES} else "person"


class _Targets:
    """Finds each column's target: from the options first, then from a known export, then by usual names."""

    def __init__(self, columns: Sequence[str], shape: Shape | None, kind: RowKind, chosen: Mapping[int, str]) -> None:
        self._names = [unwrap(column) if shape else column for column in columns]
        self._shape = shape
        self._kind = kind
        self._found = dict(chosen)

    def find_all(self) -> tuple[str, ...]:
        for index, name in enumerate(self._names):
            if name in self._names[:index]:
                self._take(index, "")  # `SELECT event, *` returns the event twice
            elif self._shape and (target := self._shape.target_of(name)) is not None:
                self._take(index, target)
        comparable = [comparable_name(name) for name in self._names]
        for target, aliases in self._usual():
            for index in (index for alias in aliases for index, name in enumerate(comparable) if name == alias):
                self._take(index, target)
        for index, name in enumerate(self._names):
            trait = trait_of(name)
            if trait is not None and (trait in names.PERSON_FIELDS or self._kind == "person"):
                self._take(index, trait)
        return tuple(self._found.get(index, self._default(name)) for index, name in enumerate(self._names))

    def _usual(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        yield from names.PERSON_FIELDS.items()
        if self._kind == "event":
            yield from (("event", names.EVENT_NAMES), ("timestamp", names.EVENT_TIMES))
        else:
            yield from (("timestamp", names.PERSON_TIMES), *names.TRAITS.items())

    def _take(self, index: int, target: str) -> None:
        """Assign a target to a column, unless the column has one or the target is taken."""
        shared = target in ("", "distinctIds") or target.endswith(".*")
        if index not in self._found and (shared or target not in self._found.values()):
            self._found[index] = target

    def _default(self, name: str) -> str:
        kept = self._shape and self._shape.keeps_names
        return f"{_OWN[self._kind]}.{property_name(name) if kept else tidy_name(name)}"


def _check(layout: Layout) -> None:
    by_path: dict[Path, str] = {}
    for column, target in zip(layout.columns, layout.targets, strict=True):
        if not target or target == "distinctIds":
            continue
        other = by_path.setdefault(layout.path_of(target), column)
        if other != column:
            raise UnreadableFile(
                f"The columns `{other}` and `{column}` would both be `{target}`: "
                f'rename one (--map "{column}=another_name"), or leave it out (--map "{column}=").'
            )
    if not _WHO & set(layout.targets) and not any(target.endswith(".*") for target in layout.targets):
        raise UnreadableFile(
            f"No column identifies the person. The columns: {list_names(layout.columns)}. "
            f'Name the one that does, such as --map "{layout.columns[0]}=email" (or userId, anonymousId, phone).'
        )
