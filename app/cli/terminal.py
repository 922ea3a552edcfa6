"""Output on the terminal: standard output, standard error, and a progress bar.

`out` and `err` wrap lines at the terminal's width and parse `[…]` as markup: switch both off for text that is not ours.
`show` parses no markup; pass text that is not ours through `sanitize`.
"""

from collections.abc import Iterator
from datetime import datetime
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

NOTHING = "·"  # in a table, where there is no figure
UNWRAPPED = 10_000  # columns: without a terminal each row stays on one line, for grep

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def show(*parts: Text | Table | Padding, console: Console = out) -> None:
    """Print texts and tables, one below the other, wrapped only on a terminal."""
    if console.is_terminal:
        console.print(*parts, sep="\n")
        return
    page = Console(file=StringIO(), width=UNWRAPPED, color_system=None, highlight=False)
    with page.capture() as shown:
        page.print(*parts, sep="\n")
    console.file.writelines(f"{line.rstrip()}\n" for line in shown.get().removesuffix("\n").split("\n"))


def sanitize(text: str, style: str = "") -> Text:
    """Text that is not ours, on one line, without line breaks or control codes for the terminal."""
    return Text("".join(character if character.isprintable() else " " for character in text), style)


def columns(*names: str, numbers: bool = True) -> Table:
    """A table without borders. With `numbers`, all columns but the first are right-aligned."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, name in enumerate(names):
        table.add_column(Text(name), justify="right" if index and numbers else "left", overflow="fold")
    return table


def section(title: str, content: Text | Table) -> Iterator[Text | Table]:
    yield Text(f"\n{title}", "bold")
    yield content


def minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def counted(count: int, one: str, many: str) -> str:
    """A number with its noun: `1 lead`, `12 leads`."""
    return f"{count:,} {one if count == 1 else many}"


def progress_bar(unit: str) -> Progress:
    """A progress bar with the rate, shown only if standard error is a terminal."""
    done = TextColumn("{task.fields[messages]:,} messages") if unit == "bytes" else MofNCompleteColumn()
    parts = TextColumn("{task.description}"), BarColumn(), done, Rate(), TimeRemainingColumn()
    return Progress(*parts, console=err, disable=not err.is_terminal)


class Rate(ProgressColumn):
    """Messages or leads per second since the start, without those done `before` it."""

    def render(self, task: Task) -> Text:
        done = task.fields.get("messages", task.completed - task.fields.get("before", 0))
        return Text(f"{done / task.elapsed:,.0f}/s" if task.elapsed else "")
