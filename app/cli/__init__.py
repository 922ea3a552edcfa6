"""The command `leadscore`: serving, and what an operator does by hand. One file a noun; this one wires them.

Each noun has its `commands`. They only read what they are told and print what came of it; the services do the work.
No noun imports anything from this file, which imports them all.
"""

import sys

import typer
from rich.text import Text

from app.cli import history, keys, migrations, models, server
from app.cli.terminal import err
from app.errors import LeadscoreError, Unavailable
from app.scoring.model import InvalidModel

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Lead scoring as a service.")
cli.add_typer(server.commands)
cli.add_typer(migrations.commands)
cli.add_typer(history.commands)
cli.add_typer(keys.commands, name="keys")
cli.add_typer(models.commands, name="model")


def main() -> None:
    """What the command `leadscore` runs. A refusal is one sentence on standard error, and exit status 1."""
    try:
        cli()
    except InvalidModel as error:
        for fault in error.faults:
            err.print(Text.assemble((fault.path, "red"), f": {fault.message}"), soft_wrap=True)
        sys.exit(1)
    except Unavailable:
        err.print("The database that LEADSCORE_DATABASE_URL names can't be reached, or takes no writes: is it running?")
        sys.exit(1)
    except LeadscoreError as error:
        err.print(error.detail, soft_wrap=True, markup=False)
        sys.exit(1)
