"""Ids among a command's arguments and options."""

from collections.abc import Callable
from uuid import UUID

import typer


def id_from(listing: str) -> Callable[[str], UUID]:
    """A parser of ids; `listing` is the command that shows them."""

    def read(text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            raise typer.BadParameter(f"not a valid id; `{listing}` shows the ids") from None

    return read
