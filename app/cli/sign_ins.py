"""`leadscore sign-in`: a link that signs a browser in to the screen."""

from typing import Annotated

import typer

from app.cli.runtime import read_settings, with_database
from app.cli.server import local_url, sign_in_url
from app.cli.terminal import err
from app.errors import ValidationFailed
from app.services.sign_ins import SignInKind

MAX_USER_LENGTH = 200

commands = typer.Typer()


@commands.command("sign-in")
def sign_in(
    kind: Annotated[SignInKind, typer.Option(help="What whoever opens the link may do.")] = "admin",
    user: Annotated[str, typer.Option(help="The name that the screen shows for them.")] = "operator",
    url: Annotated[
        str | None, typer.Option(help="The URL at which browsers reach leadscore. By default this machine's own.")
    ] = None,
) -> None:
    """Print a link that signs one browser in to the screen, within 10 minutes."""
    if not 0 < len(user.strip()) <= MAX_USER_LENGTH:
        raise ValidationFailed(f"--user: must have 1 to {MAX_USER_LENGTH} characters")
    settings = read_settings()
    if settings.screen == "off":
        raise ValidationFailed("LEADSCORE_SCREEN is off, so there is nothing to sign in to.")
    base = url or local_url(settings.host, settings.port)
    print(with_database(lambda runtime: sign_in_url(runtime, base, user.strip(), kind)))
    err.print("It is good for one sign-in, within 10 minutes.")
