"""The command `leadscore`: serving, and what an operator does by hand.

Each noun has a module with its `commands`, which parse options and print results; services do the work. A module is
imported only when one of its commands runs, and must not import this one.
"""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.text import Text

from app.cli.deferred import defer
from app.cli.terminal import err
from app.errors import LeadscoreError, Unavailable, ValidationFailed
from app.validation.faults import Fault, InvalidModel

cli = typer.Typer(no_args_is_help=True, add_completion=False)
defer(cli, "server", "serve", "Serve the API and do the background work.")
defer(cli, "server", "worker", "Do only the background work: deliveries, sweeping, rollouts.")
defer(cli, "demo", "demo", "Fill an empty embedded database with 90 days of an invented company.")
defer(cli, "migrations", "migrate", "Bring the database schema up to date. Safe to run several times at once.")
defer(cli, "backups", "backup", "Copy the embedded database to a new file. Safe while a server runs.")
defer(
    cli,
    "backups",
    "copy",
    "Copy the embedded database to an empty PostgreSQL database, exactly. Stop all servers first.",
)
defer(cli, "sign_ins", "sign-in", "Print a link that signs one browser in to the screen, within 10 minutes.")
defer(cli, "imports", "import", "Import a file of history: messages, or a table of people or events.")
defer(cli, "jobs", "job", "Run a job that a worker has claimed, and store its result.", hidden=True)

key_commands = typer.Typer(no_args_is_help=True, help="API keys: create, list, rotate and revoke them.")
cli.add_typer(key_commands, name="keys")
defer(key_commands, "keys", "create", "Create a key and print it on standard output. It is not shown again.")
defer(key_commands, "keys", "list", "List all keys: how they begin, when they were last used, until when they work.")
defer(key_commands, "keys", "rotate", "Give a key a new secret and print it. The old one works too for a while.")
defer(key_commands, "keys", "revoke", "Revoke a key. Running servers stop accepting it within 5 seconds.")

webhook_commands = typer.Typer(no_args_is_help=True, help="Webhooks: create, test and replay them.")
cli.add_typer(webhook_commands, name="webhooks")
defer(webhook_commands, "webhooks", "create", "Deliver changes to a URL. Prints the secret, which is not shown again.")
defer(webhook_commands, "webhooks", "list", "List all webhooks: what they want, and whether they work.")
defer(webhook_commands, "webhooks", "enable", "Deliver again, beginning with what happened while it was disabled.")
defer(webhook_commands, "webhooks", "disable", "Stop delivering. Nothing is lost until it is enabled again.")
defer(webhook_commands, "webhooks", "delete", "Delete a webhook with its deliveries.")
defer(webhook_commands, "webhooks", "rotate", "Make a new secret and print it. The old one signs too for a while.")
defer(webhook_commands, "webhooks", "test", "Send a test message once, and show how it went.")
defer(webhook_commands, "webhooks", "deliveries", "List deliveries, the latest first.")
defer(webhook_commands, "webhooks", "replay", "Send deliveries again, by default the dead ones.")

lead_commands = typer.Typer(no_args_is_help=True, help="Leads: export, erase, split and merge them.")
cli.add_typer(lead_commands, name="leads")
defer(lead_commands, "leads", "export", "Print everything that is stored of a lead, as JSON Lines.")
defer(lead_commands, "leads", "erase", "Delete everything that is stored of a lead. It can't be undone.")
defer(lead_commands, "leads", "split", "Give some identities of a lead, with their events, to a new lead.")
defer(lead_commands, "leads", "merge", "Make several leads one, even if they were split.")

retraction_commands = typer.Typer(no_args_is_help=True, help="Retractions: let wrong events no longer count.")
cli.add_typer(retraction_commands, name="retractions")
defer(retraction_commands, "retractions", "create", "Let the events that meet all of the options no longer count.")
defer(
    retraction_commands,
    "retractions",
    "list",
    "List retractions, the latest first: how many events they keep from counting, who asked for them, and why.",
)
defer(retraction_commands, "retractions", "undo", "Let the events of a retraction count again.")

suppression_commands = typer.Typer(no_args_is_help=True, help="Suppressions: drop the events of people who object.")
cli.add_typer(suppression_commands, name="suppressions")
defer(
    suppression_commands,
    "suppressions",
    "add",
    "Drop events with any of these identities from now on. What is stored stays.",
)
defer(
    suppression_commands,
    "suppressions",
    "list",
    "List suppressions, the latest first. Identities are stored as hashes alone.",
)
defer(suppression_commands, "suppressions", "remove", "Accept events with an identity again.")

model_commands = typer.Typer(no_args_is_help=True, help="Scoring models: check, compare, preview and publish them.")
cli.add_typer(model_commands, name="model")
defer(model_commands, "models", "lint", "Warn about what is valid in a model but probably unintended.")
defer(model_commands, "models", "test", "Run a model's examples.")
defer(model_commands, "models", "diff", "Show how two models differ, in terms of signals, rules and stages.")
defer(model_commands, "models", "list", "List all versions, the latest first.")
defer(model_commands, "models", "show", "Print a model as it was written, ready to be edited.")
defer(model_commands, "previews", "preview", "Show what publishing a model would change. Nothing is changed.")
defer(model_commands, "backtests", "backtest", "Show how well a model would have predicted an outcome.")
defer(model_commands, "proposals", "propose", "Propose a model that predicts an outcome. Nothing is stored.")
defer(model_commands, "rollouts", "publish", "Activate a model if its examples hold, and evaluate every lead with it.")
defer(model_commands, "rollouts", "apply", "The same as `publish`.", hidden=True)
defer(model_commands, "dry_runs", "evaluate", "Evaluate one person's messages with a model. Nothing is stored.")

report_commands = typer.Typer(no_args_is_help=True, help="Reports: the funnel, the sources, signals over time.")
cli.add_typer(report_commands, name="report")
defer(
    report_commands,
    "reports",
    "funnel",
    "Show how many leads reached each stage, and how long it took.",
)
defer(report_commands, "reports", "sources", "Show where visitors came from, and how many became leads and customers.")
defer(report_commands, "reports", "signal", "Show how many people gave how many hits of a signal over time.")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(version("leadscore"))
        raise typer.Exit


@cli.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Lead scoring as a service."""


def main() -> None:
    """The entry point of `leadscore`. An error is one sentence on standard error, with exit status 1."""
    try:
        cli()
    except InvalidModel as error:
        _print_faults(error.faults)
        sys.exit(1)
    except Unavailable as error:
        cause = f"The database in LEADSCORE_DATABASE_URL can't be reached or is read-only: {error.reason}"
        err.print(error.detail if error.reason is None else cause, soft_wrap=True, markup=False)
        sys.exit(1)
    except LeadscoreError as error:
        if isinstance(error, ValidationFailed) and error.faults:
            _print_faults(error.faults)
        else:
            err.print(error.detail, soft_wrap=True, markup=False)
        sys.exit(1)


def _print_faults(faults: tuple[Fault, ...]) -> None:
    for fault in faults:
        err.print(Text.assemble((fault.path, "red"), f": {fault.message}"), soft_wrap=True)
