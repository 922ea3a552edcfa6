"""Warnings, examples, differences and versions as text for a terminal. Text from a document is never markup."""

from collections.abc import Iterable, Iterator

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from app.cli.terminal import columns, counted, minute, sanitize
from app.documents.model_checks import DifferenceDocument, ExampleDocument, WarningDocument
from app.documents.models import VersionDocument
from app.scoring.diff import Kind

SIGNS: dict[Kind, tuple[str, str]] = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
    "renamed": ("~", "yellow"),
    "moved": ("~", "yellow"),
}
STATES = {"active": "green", "draft": "yellow", "retired": "dim"}


def warning_lines(warnings: list[WarningDocument]) -> Iterator[Text | Padding]:
    """For each warning its code and path, and below them the message."""
    for warning in warnings:
        yield Text.assemble((warning.code, "yellow"), " ", sanitize(warning.path))
        yield Padding(sanitize(warning.message), (0, 0, 0, 4))
    yield Text(f"{counted(len(warnings), 'warning', 'warnings')}." if warnings else "No warnings.")


def example_lines(examples: list[ExampleDocument]) -> Iterator[Table | Text]:
    yield from map(example_line, examples)
    if not examples:
        yield Text("The model has no examples: add some under `examples`, and this command checks them.")
        return
    holding = sum(example.holds for example in examples)
    yield Text(f"{holding} of {counted(len(examples), 'example holds', 'examples hold')}.")


def example_line(example: ExampleDocument) -> Table:
    """Whether the example holds and, if not, what differs from the expectation."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(Text("holds ", "green") if example.holds else Text("failed", "red"), sanitize(example.name))
    for failure in example.failures:
        grid.add_row("", sanitize(failure))
    return grid


def difference_lines(differences: list[DifferenceDocument]) -> Iterator[Text | Table]:
    if not differences:
        yield Text("No differences.")
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    for each in differences:
        sign, style = SIGNS[each.kind]
        grid.add_row(Text(f"{sign}{'*' if each.recounts else ' '}", style), sanitize(each.summary))
    yield grid


def version_table(versions: Iterable[VersionDocument]) -> Table:
    table = columns("version", "state", "name", "published", "created", "note", numbers=False)
    for name in (0, 1, 3, 4):
        table.columns[name].no_wrap = True
    for each in versions:
        table.add_row(
            Text(str(each.version)),
            Text(each.state, STATES[each.state]),
            sanitize(each.name),
            Text(minute(each.published_at)),
            Text(f"{each.created_at:%Y-%m-%d}"),
            sanitize(each.note or ""),
        )
    return table
