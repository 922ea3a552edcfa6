"""The command `leadscore`: serving, and what an operator does by hand. One file a noun; this one wires them.

Each noun has its `commands`. They only read what they are told and print what came of it; the services do the work.
No noun imports anything from this file, which imports them all.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.text import Text

from app.cli import dry_runs, imports, keys, migrations, models, previews, rollouts, server
from app.cli.terminal import err
from app.errors import LeadscoreError, Unavailable, ValidationFailed
from app.validation.faults import Fault, InvalidModel

cli = typer.Typer(no_args_is_help=True, add_completion=False)
cli.add_typer(server.commands)
cli.add_typer(migrations.commands)
cli.add_typer(imports.commands)
cli.add_typer(keys.commands, name="keys")
cli.add_typer(models.commands, name="model")
models.commands.add_typer(previews.commands)
models.commands.add_typer(rollouts.commands)
models.commands.add_typer(dry_runs.commands)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(version("leadscore"))
        raise typer.Exit


@cli.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Lead scoring as a service."""


def main() -> None:
    """What the command `leadscore` runs. A refusal is one sentence on standard error, and exit status 1."""
    try:
        cli()
    except InvalidModel as error:
        _tell_faults(error.faults)
        sys.exit(1)
    except Unavailable as error:
        cause = f"The database that LEADSCORE_DATABASE_URL names can't be reached, or takes no writes: {error.reason}"
        err.print(error.detail if error.reason is None else cause, soft_wrap=True, markup=False)
        sys.exit(1)
    except LeadscoreError as error:
        if isinstance(error, ValidationFailed) and error.faults:
            _tell_faults(error.faults)
        else:
            err.print(error.detail, soft_wrap=True, markup=False)
        sys.exit(1)


def _tell_faults(faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        err.print(Text.assemble((fault.path, "red"), f": {fault.message}"), soft_wrap=True)
