"""`leadscore keys …`: API keys. They are printed with `print`, which does not wrap lines at the terminal's width."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from app.cli.arguments import id_from, number
from app.cli.faults import read_options
from app.cli.runtime import with_database
from app.cli.terminal import minute, out, sanitize
from app.clock import utc_now
from app.documents.keys import KeyRequest
from app.errors import ValidationFailed
from app.services.keys import KeyKind, create_key, list_keys, revoke_key, rotate_key

KEY_LINE = "{:36}  {:6}  {:16}  {:16}  {:16}  {:16}  {}"
MAX_DAYS = 36_500
MAX_OVERLAP_HOURS = 24 * 30
OPTIONS = {"origins": "--origin", "events": "--event", "map": "--map"}

read_id = id_from("leadscore keys list")

commands = typer.Typer()


def _read_map(pairs: Sequence[str]) -> dict[str, str]:
    """Pairs of `FIELD=TRAIT`, split at the last `=`, since a field's name may contain one."""
    mapped: dict[str, str] = {}
    for pair in pairs:
        name, _, trait = (text.strip() for text in pair.rpartition("="))
        if not (name and trait):
            raise ValidationFailed(f'--map: `{pair}` must be FIELD=TRAIT, such as "Ihre Firma=company"')
        if name in mapped:
            raise ValidationFailed(f"--map: `{name}` is mapped twice")
        mapped[name] = trait
    return mapped


@commands.command("create")
def create(
    kind: Annotated[KeyKind, typer.Option(help="What the key may do.")],
    name: Annotated[str, typer.Option(help="What the key is for. Its events get this name as their source.")],
    origin: Annotated[
        list[str] | None, typer.Option(help="For a write key: an origin that may use it. Repeatable.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="For a write key: an event that it may send. Repeatable.")
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="FIELD=TRAIT", help="For a write or server key: the trait that a form's field sets."
        ),
    ] = None,
    expires_after_days: Annotated[
        int | None, typer.Option(help="When the key stops working.", min=1, max=MAX_DAYS)
    ] = None,
) -> None:
    """Create a key and print it on standard output. It is not shown again."""
    wanted = read_options(
        KeyRequest, OPTIONS, kind=kind, name=name, origins=origin, events=event, map=_read_map(mapped or ())
    )
    made = with_database(
        lambda runtime: create_key(
            runtime.database,
            kind,
            wanted.name,
            utc_now(),
            origins=wanted.origins,
            events=wanted.events,
            trait_map=wanted.map,
            expires_at=utc_now() + timedelta(days=expires_after_days) if expires_after_days else None,
        ),
        create=True,
    )
    print(made.secret)


@commands.command("list")
def list_all() -> None:
    """List all keys: how they begin, when they were last used, until when they work."""
    found = with_database(lambda runtime: list_keys(runtime.database))
    print(KEY_LINE.format("id", "kind", "begins with", "created", "last used", "ends", "name"))
    for key in found:
        times = map(minute, (key.created_at, key.last_used_at, key.revoked_at or key.expires_at))
        pairs = ", ".join(f"{name}={trait}" for name, trait in (key.trait_map or {}).items())
        name = sanitize(f"{key.name}  (maps {pairs})" if pairs else key.name).plain
        print(KEY_LINE.format(str(key.id), key.kind, key.hint, *times, name))


@commands.command("rotate")
def rotate(
    key_id: Annotated[UUID, typer.Argument(help="The key's id, from `leadscore keys list`.", parser=read_id)],
    overlap_hours: Annotated[
        float,
        typer.Option(parser=number(0, MAX_OVERLAP_HOURS), metavar="HOURS", help="How long the old secret works too."),
    ] = 24,
) -> None:
    """Give a key a new secret and print it. The old one works too for a while."""
    overlap = timedelta(hours=overlap_hours)
    print(with_database(lambda runtime: rotate_key(runtime.database, key_id, overlap, utc_now())).secret)


@commands.command("revoke")
def revoke(
    key_id: Annotated[UUID, typer.Argument(help="The key's id, from `leadscore keys list`.", parser=read_id)],
) -> None:
    """Revoke a key. Running servers stop accepting it within 5 seconds."""
    with_database(lambda runtime: revoke_key(runtime.database, key_id, utc_now()))
    out.print("Revoked.")
