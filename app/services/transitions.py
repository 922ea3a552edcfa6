"""Transitions of all leads, in order."""

from dataclasses import replace

from app.services.models import ActiveModels
from app.services.pages import Page, fetch_page
from app.services.publications import Publications
from app.storage import transitions as transition_store
from app.storage.db import Database
from app.storage.transitions import Position, StoredTransition, TransitionFilter


async def read_transitions(
    database: Database, models: ActiveModels, wanted: TransitionFilter, after: Position | None, limit: int
) -> Page[StoredTransition]:
    """A page of transitions into these stages of the active model, under all names that they have had.

    Raises `ValidationFailed` for an unknown stage.
    """
    async with database.read() as connection:
        if wanted.to_stages is not None:
            publications = await Publications.read(connection, models)
            wanted = replace(wanted, to_stages=sorted(await publications.known_names_ever(wanted.to_stages)))
        return await fetch_page(lambda count: transition_store.page_of_all(connection, wanted, after, count), limit)


__all__ = ["Position", "TransitionFilter", "read_transitions"]
