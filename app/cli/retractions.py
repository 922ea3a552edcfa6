"""`leadscore retractions …`: wrong events no longer count, or count again. Workers of a server carry that out."""

from typing import Annotated
from uuid import UUID

import typer

from app.cli.arguments import Shown, id_from
from app.cli.faults import read_options
from app.cli.runtime import with_database
from app.cli.terminal import columns, counted, minute, out, sanitize, show
from app.documents.retractions import RetractionRequest
from app.services.retractions import Extent, RetractionView
from app.services.runtime import Runtime

BY_HAND = "command line"
"""Who is recorded as having asked for it."""

OPTIONS = {
    "message_ids": "--message-id",
    "source": "--source",
    "name": "--name",
    "lead_id": "--lead",
    "received_from": "--received-from",
    "received_before": "--received-before",
    "address": "--address",
    "agent": "--agent",
}

commands = typer.Typer()

RetractionId = Annotated[
    UUID,
    typer.Argument(metavar="ID", help="As the list shows it.", parser=id_from("leadscore retractions list")),
]
Moment = Annotated[str | None, typer.Option(metavar="TIME", help="Such as 2026-01-31T12:00:00Z.")]


@commands.command("create")
def create(
    *,
    reason: Annotated[str, typer.Option(help="Why they are wrong. It is kept.")],
    message_id: Annotated[list[str] | None, typer.Option(help="With this message id. Repeatable.")] = None,
    source: Annotated[str | None, typer.Option(help="Of the key with this name.")] = None,
    name: Annotated[str | None, typer.Option(help="With this name.")] = None,
    lead: Annotated[str | None, typer.Option(metavar="ID", help="Of this lead.")] = None,
    received_from: Moment = None,
    received_before: Moment = None,
    address: Annotated[str | None, typer.Option(help="From this address, if clients send it.")] = None,
    agent: Annotated[str | None, typer.Option(help="From this user agent, if clients send it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the events.")] = False,
) -> None:
    """Let the events that meet all of the options no longer count."""
    wanted = read_options(
        RetractionRequest,
        OPTIONS,
        reason=reason,
        message_ids=message_id,
        source=source,
        name=name,
        lead_id=lead,
        received_from=received_from,
        received_before=received_before,
        address=address,
        agent=agent,
    )

    async def run(runtime: Runtime) -> tuple[Extent, RetractionView | None]:
        extent = await runtime.retractions.count(wanted.wanted())
        made = None if dry_run else await runtime.retractions.create(wanted.wanted(), wanted.reason, BY_HAND)
        return extent, made

    extent, made = with_database(run)
    found = f"{counted(extent.events, 'event', 'events')} of {counted(extent.leads, 'lead', 'leads')}"
    out.print(f"{found} would no longer count." if made is None else f"{made.retraction.id}  {found}")


@commands.command("list")
def list_all(limit: Shown = 50) -> None:
    """List retractions, the latest first: how many events they keep from counting, who asked for them, and why."""
    table = columns("id", "created", "by", "state", "events", "leads", "reason", numbers=False)
    for retraction, extent in with_database(lambda runtime: runtime.retractions.page(None, limit)).items:
        created, counts = minute(retraction.created_at), (f"{extent.events:,}", f"{extent.leads:,}")
        by, reason = sanitize(retraction.created_by), sanitize(retraction.reason)
        table.add_row(str(retraction.id), created, by, retraction.state, *counts, reason)
    show(table)


@commands.command("undo")
def undo(retraction_id: RetractionId) -> None:
    """Let the events of a retraction count again."""
    with_database(lambda runtime: runtime.retractions.undo(retraction_id, BY_HAND))
    out.print("Its events will count again.")
