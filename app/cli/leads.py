"""`leadscore leads …`: what people may ask for, and corrections: export, erase, split and merge.

A lead is named by its id, or by one of its identities, such as `email:ada@example.com`.
"""

import sys
from typing import Annotated
from uuid import UUID

import typer

from app.cli.arguments import identity_from
from app.cli.runtime import with_database
from app.cli.terminal import out
from app.documents.exports import END, export_line
from app.scoring.events import Identity
from app.services.erasure import erase_person
from app.services.evaluation import EvaluatedLead
from app.services.exports import export_person
from app.services.links import merge_leads, split_lead
from app.services.runtime import Runtime

commands = typer.Typer()

Who = Annotated[str, typer.Argument(metavar="LEAD", help="An id, or an identity such as email:ada@example.com.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


@commands.command()
def export(who: Who) -> None:
    """Print everything that is stored of a lead, as JSON Lines.

    By an identity that no lead has: the rejected messages that name it.
    """

    async def run(runtime: Runtime) -> None:
        async for item in export_person(runtime.database, runtime.leads, _read(runtime, who), runtime.clock()):
            sys.stdout.buffer.write(export_line(*item))
        sys.stdout.buffer.write(END)

    with_database(run)


@commands.command()
def erase(
    who: Who,
    *,
    suppress: Annotated[bool, typer.Option("--suppress", help="Drop later events of the same person.")] = False,
) -> None:
    """Delete everything that is stored of a lead. It can't be undone."""

    async def run(runtime: Runtime) -> None:
        suppressions = runtime.suppressions if suppress else None
        await erase_person(runtime.database, runtime.models, _read(runtime, who), runtime.clock(), suppressions)

    with_database(run)
    out.print("Erased.")


@commands.command()
def split(
    who: Who,
    identity: Annotated[list[str], typer.Argument(help="What becomes a lead of its own, such as anonymous_id:a1.")],
    *,
    dry_run: DryRun = False,
) -> None:
    """Give some identities of a lead, with their events, to a new lead."""

    async def run(runtime: Runtime) -> None:
        identities = [identity_from(runtime, text) for text in identity]
        lead_id, now = await _lead_id(runtime, who), runtime.clock()
        done = await split_lead(runtime.database, runtime.models, lead_id, identities, now, dry_run=dry_run)
        _show(done.remaining, done.separated)

    with_database(run)


@commands.command()
def merge(
    who: Annotated[list[str], typer.Argument(metavar="LEAD...", help="At least two ids or identities.")],
    *,
    dry_run: DryRun = False,
) -> None:
    """Make several leads one, even if they were split."""

    async def run(runtime: Runtime) -> None:
        ids = [await _lead_id(runtime, each) for each in who]
        done = await merge_leads(runtime.database, runtime.models, ids, runtime.clock(), dry_run=dry_run)
        _show(done.survivor)

    with_database(run)


async def _lead_id(runtime: Runtime, who: str) -> UUID:
    """Raises `NotFound` if nobody has the identity, or `ValidationFailed` if it is neither an id nor an identity."""
    wanted = _read(runtime, who)
    return wanted if isinstance(wanted, UUID) else await runtime.leads.find(wanted)


def _read(runtime: Runtime, who: str) -> UUID | Identity:
    try:
        return UUID(who)
    except ValueError:
        return identity_from(runtime, who)


def _show(*results: EvaluatedLead) -> None:
    """A line for each lead: its id, how many events it has, and its stage."""
    for lead, before in ((result.lead, result.before) for result in results):
        was = f"{before.standing.stage}, {before.facts.event_count:,} events → " if before else "new → "
        line = f"{lead.id}  {was}{lead.standing.stage}, {lead.facts.event_count:,} events"
        out.print(line, soft_wrap=True, markup=False, highlight=False)
