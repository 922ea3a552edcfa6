"""The commands as help shows them, before their modules are imported."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args, get_type_hints

import pytest
import typer
from typer.main import get_command, get_group

from app.cli import cli
from app.cli.deferred import DeferredCommand, load_module
from tests.cli.harness import ROOT

HEAVY = {"alembic", "app.settings", "fastapi", "sqlalchemy", "uvicorn"}


def deferred_commands(command: Any) -> Iterator[DeferredCommand]:
    if isinstance(command, DeferredCommand):
        yield command
    for child in getattr(command, "commands", {}).values():
        yield from deferred_commands(child)


DEFERRED = list(deferred_commands(get_command(cli)))


@pytest.mark.parametrize("command", DEFERRED, ids=lambda command: f"{command.module}:{command.name}")
def test_help_lists_a_command_as_its_module_describes_it(command: DeferredCommand) -> None:
    loaded = command.load()
    assert (loaded.help.partition("\n\n")[0], loaded.hidden) == (command.help, command.hidden)


def fractional_options() -> Iterator[tuple[str, Any]]:
    for module in sorted({command.module for command in DEFERRED}):
        for command in load_module(module).commands.registered_commands:
            for name, hint in get_type_hints(command.callback, include_extras=True).items():
                kind, *extras = get_args(hint) or (hint,)
                if float in (kind, *get_args(kind)) and extras:
                    yield f"{command.name or command.callback.__name__} {name}", extras[0].parser


FRACTIONAL = dict(fractional_options())


@pytest.mark.parametrize("option", FRACTIONAL)
@pytest.mark.parametrize("text", ["1_0", " 1", "\u0661", "\uff11", "nan", "inf", "1\n", "", "-9999999999999x"])
def test_a_number_is_read_only_as_people_write_it(option: str, text: str) -> None:
    with pytest.raises(typer.BadParameter, match="number"):
        FRACTIONAL[option](text)


@pytest.mark.parametrize("option", FRACTIONAL)
def test_a_number_is_read(option: str) -> None:
    assert FRACTIONAL[option]("1") == 1


def test_all_kinds_of_fractional_options_are_found() -> None:
    assert {"rotate overlap_hours", "propose precision", "create at_least"} <= FRACTIONAL.keys()


def test_every_command_of_a_module_is_listed() -> None:
    files = [file for file in (ROOT / "app" / "cli").glob("*.py") if file.stem != "__init__"]
    modules = [import_module(f"app.cli.{file.stem}") for file in files]
    groups = {module.__name__: module.commands for module in modules if hasattr(module, "commands")}
    found = {(name, command) for name, group in groups.items() for command in get_group(group).commands}
    assert found == {(command.module, command.name) for command in DEFERRED}
    assert all(isinstance(group, typer.Typer) for group in groups.values())


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], HEAVY | {"pydantic"}),
        (["--version"], HEAVY | {"pydantic"}),
        (["keys", "--help"], HEAVY),  # typer itself needs pydantic for options that precede a command
        (["model", "--help"], HEAVY),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_help_imports_nothing_that_only_commands_need(arguments: list[str], unwanted: set[str]) -> None:
    code = f"""
import sys
from app.cli import main
sys.argv = ["leadscore", *{arguments}]
try:
    main()
finally:
    print(*{unwanted} & sys.modules.keys(), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.strip() == ""
