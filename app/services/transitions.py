"""Transitions of all leads, in order."""

from collections.abc import Sequence
from dataclasses import replace

from app.errors import ValidationFailed
from app.services.models import ActiveModels
from app.services.pages import Page, fetch_page
from app.services.publications import Publications
from app.storage import transitions as transition_store
from app.storage.db import Database
from app.storage.transitions import Position, StoredTransition, TransitionFilter
from app.validation.faults import Fault


async def read_transitions(
    database: Database, models: ActiveModels, wanted: TransitionFilter, after: Position | None, limit: int
) -> Page[StoredTransition]:
    """A page of transitions into these stages of the active model, under all names that they have had.

    Raises `ValidationFailed` for an unknown stage.
    """
    async with database.read() as connection:
        if wanted.to_stages is not None:
            names = [stage.name for stage in (await models.active(connection)).stages]
            _check_names(names, wanted.to_stages)
            publications = await Publications.read(connection, models)
            wanted = replace(wanted, to_stages=sorted(await publications.names_ever(wanted.to_stages)))
        return await fetch_page(lambda count: transition_store.page_of_all(connection, wanted, after, count), limit)


def _check_names(known: Sequence[str], stages: Sequence[str]) -> None:
    if any(name not in known for name in stages):
        fault = Fault("stage", f"unknown stage; expected one of: {', '.join(known)}")
        raise ValidationFailed(str(fault), (fault,))


__all__ = ["Position", "TransitionFilter", "read_transitions"]
