"""What a command shows: standard output and standard error, and the progress bar of what takes long.

`out` and `err` wrap lines at the terminal's width and read `[…]` as markup: switch both off for what is not our text.
"""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def progress_bar(unit: str) -> Progress:
    """A progress bar that also tells the rate; nothing of it is shown where standard error is no terminal."""
    done = TextColumn("{task.fields[messages]:,} messages") if unit == "bytes" else MofNCompleteColumn()
    columns = TextColumn("{task.description}"), BarColumn(), done, Rate(), TimeRemainingColumn()
    return Progress(*columns, console=err, disable=not err.is_terminal)


class Rate(ProgressColumn):
    """Messages or leads a second, since the beginning."""

    def render(self, task: Task) -> Text:
        done = task.fields.get("messages", task.completed)
        return Text(f"{done / task.elapsed:,.0f}/s" if task.elapsed else "")
