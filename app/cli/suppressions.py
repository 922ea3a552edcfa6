"""`leadscore suppressions …`: people whose events are dropped, by identities such as `email:ada@example.com`."""

from typing import Annotated

import typer

from app.cli.arguments import Shown, identity_from
from app.cli.runtime import with_database
from app.cli.terminal import columns, counted, minute, out, show
from app.services.runtime import Runtime
from app.services.suppressions import Suppression

commands = typer.Typer()


@commands.command("add")
def add(
    identity: Annotated[list[str], typer.Argument(help="Such as email:ada@example.com. Nobody needs to have it yet.")],
) -> None:
    """Drop events with any of these identities from now on. What is stored stays."""

    async def run(runtime: Runtime) -> list[Suppression]:
        identities = [identity_from(runtime, text) for text in identity]
        return await runtime.suppressions.suppress(identities, runtime.clock())

    out.print(f"{counted(len(with_database(run)), 'identity is', 'identities are')} suppressed.")


@commands.command("list")
def list_all(limit: Shown = 50) -> None:
    """List suppressions, the latest first. Identities are stored as hashes alone."""

    async def run(runtime: Runtime) -> tuple[list[Suppression], str | None]:
        return list((await runtime.suppressions.page(None, limit)).items), runtime.suppressions.secret_id

    found, secret_id = with_database(run)
    table = columns("id", "since", "state", numbers=False)
    for each in found:
        state = "effective" if each.secret_id == secret_id else "without effect: made with another secret"
        table.add_row(str(each.id), minute(each.created_at), state)
    show(table)


@commands.command("remove")
def remove(
    suppression: Annotated[str, typer.Argument(help="An id from the list, or an identity.")],
) -> None:
    """Accept events with an identity again."""

    async def run(runtime: Runtime) -> None:
        if suppression.isascii() and suppression.isdecimal():
            await runtime.suppressions.remove(int(suppression))
        else:
            await runtime.suppressions.remove_by_identity(identity_from(runtime, suppression))

    with_database(run)
    out.print("Removed.")
