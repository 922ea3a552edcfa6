"""Commands whose modules are imported only when they run: loading SQLAlchemy alone takes longer than showing help."""

from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand
from typer.main import get_group

from app.errors import MissingExtra

INSIGHT = {"numpy", "sklearn", "threadpoolctl"}
"""Modules of the extra `insight`."""


def load_module(name: str) -> Any:
    """A module of a command, imported now. Raises `MissingExtra`."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in INSIGHT:
            raise
        raise MissingExtra(f"This command needs {error.name}: pip install 'leadscore[insight]'.") from None


class DeferredCommand(TyperCommand):
    """A command as help lists it. When it is run, the command of the same name in `module` takes its place."""

    module: ClassVar[str]

    def load(self) -> Any:
        """The command itself, from the module's `commands`. Raises `MissingExtra`."""
        return get_group(load_module(self.module).commands).commands[self.name or ""]

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        return self.load().make_context(*arguments, **options)


def defer(group: typer.Typer, module: str, name: str, summary: str, *, hidden: bool = False) -> None:
    """Add the command `name` of `app.cli.<module>` to a group. `summary` is the first paragraph of its help."""
    kind = type("DeferredCommand", (DeferredCommand,), {"module": f"app.cli.{module}"})
    group.command(name, cls=kind, help=summary, hidden=hidden)(_never_run)


def _never_run() -> None:
    """Typer wants a function; `make_context` makes sure that the command's own runs."""
