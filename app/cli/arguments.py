"""Arguments and options that several commands take: ids, identities, `--json`, `--limit`."""

import math
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import BaseModel

from app.errors import InvalidMessage, ValidationFailed
from app.protocol.identities import read_identity
from app.scoring.events import IDENTITY_KINDS, Identity
from app.services.runtime import Runtime
from app.validation.numbers import read_number

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in the shape of the API's answer.")]


def number(least: float = -math.inf, most: float = math.inf) -> Callable[[Any], float]:
    """A parser of numbers within limits. Typer's own would take `nan` for within any."""

    def read(text: Any) -> float:
        limits = "" if math.isinf(least) else f" from {least:g} to {most:g}"
        try:
            value = read_number(str(text))
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise typer.BadParameter(f"must be a number{limits}, such as {max(least, 0.5):g}")
        return value

    return read


Shown = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many to show.")]


def show_json(document: BaseModel) -> None:
    """What `--json` prints."""
    print(document.model_dump_json(indent=2))


def id_from(listing: str) -> Callable[[str], UUID]:
    """A parser of ids; `listing` is the command that shows them."""

    def read(text: str) -> UUID:
        try:
            return UUID(text)
        except ValueError:
            raise typer.BadParameter(f"not a valid id; `{listing}` shows the ids") from None

    return read


def identity_from(runtime: Runtime, text: str) -> Identity:
    """An identity such as `email:ada@example.com`. Raises `ValidationFailed`."""
    name, _, value = text.partition(":")
    kind = next((kind for kind in IDENTITY_KINDS if kind == name), None)
    try:
        identity = read_identity(kind, value, phone_region=runtime.settings.phone_region) if kind else None
    except InvalidMessage as error:
        raise ValidationFailed(f"{text}: {error.detail}") from None
    if identity is None:
        kinds = ", ".join(IDENTITY_KINDS)
        raise ValidationFailed(f"`{text}` is not an id or identity: give one of {kinds}, a colon and the value.")
    return identity
