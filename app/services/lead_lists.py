"""Lists of leads: selected and sorted by the stored evaluation, and shown as of now."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import ValidationFailed
from app.protocol.searches import Search
from app.scoring.engine import CompiledModel
from app.scoring.events import Identity
from app.services.leads import LeadView, sound_views_of
from app.services.models import ActiveModels
from app.services.pages import fetch_page
from app.services.publications import Publications
from app.storage import accounts as account_store
from app.storage import identities as identity_store
from app.storage import lead_lists as list_store
from app.storage.db import Database
from app.storage.lead_lists import LeadFilter, Position
from app.validation.faults import Fault
from app.validation.names import unknown_names

MOMENTS = ("last_seen_at", "stage_since", "next_change")
"""What lists are sorted by besides scores."""

MAX_COUNT = 10_000
"""Counting stops here, for each stage: nobody reads such a list to its end, and counting all takes long."""

MAX_FOUND = 3_000
"""Up to so many leads that a search finds are read and sorted. If there are more, the list is read in its order, and
each lead is tested: soon there are enough for a page."""

LEADS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class LeadQuery:
    """Which leads to list, by stages and scores of the active model.

    `sort`: one of `MOMENTS` or a score. Days are in UTC, and included, save `next_change_before`.
    """

    stages: Sequence[str] | None = None
    min_scores: Mapping[str, float] | None = None
    max_scores: Mapping[str, float] | None = None
    channel: str | None = None
    email: str | None = None
    account: UUID | None = None
    search: Search | None = None
    updated_after: datetime | None = None
    seen_from: date | None = None
    stage_since_from: date | None = None
    next_change_before: date | None = None
    sales_ready: bool | None = None
    sort: str = "last_seen_at"


@dataclass(frozen=True, slots=True)
class Count:
    """A number of leads, or the least that it can be."""

    value: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class LeadCounts:
    """How many leads are in each wanted stage, in the model's order, and in all of them."""

    total: Count
    stages: Mapping[str, Count]
    model_version: int
    as_of: datetime


class LeadLists:
    """Lists of leads in one database."""

    def __init__(self, database: Database, models: ActiveModels) -> None:
        self._database = database
        self._models = models

    async def page(
        self, query: LeadQuery, after: Position | None, limit: int, now: datetime
    ) -> tuple[list[LeadView], Position | None]:
        """A page of leads and the position at which it ends, None on the last page.

        Leads that no longer match when evaluated now are left out, and so are those that can't be evaluated, which are
        logged. So a page may hold fewer than `limit` leads.
        """
        async with self._database.read() as connection:
            model = await self._models.active(connection)
            wanted = await _filter(connection, model, query)
            found, is_complete = await _searched(connection, wanted)
            stored = await _by_stored_names(connection, self._models, found if is_complete else wanted)
            page = await fetch_page(lambda count: list_store.page(connection, stored, query.sort, after, count), limit)
            views = await sound_views_of(connection, self._models, [entry.lead for entry in page.items], now)
        return [view for view in views if _still_matches(view, wanted)], page.last.position if page.last else None

    async def read_all(self, query: LeadQuery, now: datetime) -> AsyncIterator[list[LeadView]]:
        """All pages, each from a transaction of its own: whoever reads them slowly holds no connection."""
        end: Position | None = None
        while True:
            views, end = await self.page(query, end, LEADS_AT_ONCE, now)
            yield views
            if end is None:
                return

    async def score_names(self) -> list[str]:
        """The scores of the active model."""
        async with self._database.read() as connection:
            return list((await self._models.active(connection)).scores)

    async def count(self, query: LeadQuery, now: datetime) -> LeadCounts:
        """The leads that match, by their stored stages, each counted up to `MAX_COUNT`.

        Of a search that finds more than `MAX_FOUND` leads, only these are counted.
        """
        async with self._database.read() as connection:
            model = await self._models.active(connection)
            wanted = await _filter(connection, model, query)
            stages = [stage.name for stage in model.stages if wanted.stages is None or stage.name in wanted.stages]
            publications = await Publications.read(connection, self._models)
            names = {stage: sorted(await publications.names_before([stage])) for stage in stages}
            found, is_complete = await _searched(connection, replace(wanted, stages=None))
            leads = await list_store.count(connection, found, names, MAX_COUNT + 1)
        counts = {stage: _count(leads[stage], is_complete=is_complete) for stage in stages}
        total = Count(sum(each.value for each in counts.values()), all(each.is_exact for each in counts.values()))
        return LeadCounts(total, counts, model.version, now)


def _count(leads: int, *, is_complete: bool) -> Count:
    return Count(min(leads, MAX_COUNT), is_exact=is_complete and leads <= MAX_COUNT)


async def _filter(connection: AsyncConnection, model: CompiledModel, query: LeadQuery) -> LeadFilter:
    """Raises `ValidationFailed` for an unknown stage, score or order."""
    if faults := tuple(_faults(model, query)):
        raise ValidationFailed.of(*faults)
    lead_ids = None
    if query.email is not None:
        lead_ids = list((await identity_store.find(connection, [Identity("email", query.email)])).values())
    accounts = None if query.account is None else sorted(await account_store.keys_of(connection, [query.account]))
    search = query.search or Search()
    return LeadFilter(
        score_names=list(model.scores),
        stages=_stages(model, query),
        min_scores=query.min_scores,
        max_scores=query.max_scores,
        channel=query.channel,
        lead_ids=lead_ids,
        accounts=accounts,
        identity_prefixes=search.identity_prefixes,
        domain_prefix=search.domain_prefix,
        updated_after=query.updated_after,
        seen_from=query.seen_from,
        stage_since_from=query.stage_since_from,
        next_change_before=query.next_change_before,
    )


async def _searched(connection: AsyncConnection, wanted: LeadFilter) -> tuple[LeadFilter, bool]:
    """The filter with its search limited to `MAX_FOUND` leads, and whether these are all."""
    if wanted.identity_prefixes is None and wanted.domain_prefix is None:
        return wanted, True
    found = await list_store.count_found(connection, wanted, MAX_FOUND + 1)
    return replace(wanted, most_found=MAX_FOUND), found <= MAX_FOUND


def _faults(model: CompiledModel, query: LeadQuery) -> Iterator[Fault]:
    yield from unknown_names("stage", "stage", query.stages or (), [stage.name for stage in model.stages])
    yield from unknown_names("min_score", "score", query.min_scores or (), model.scores)
    yield from unknown_names("max_score", "score", query.max_scores or (), model.scores)
    yield from unknown_names("sort", "order", [query.sort], [*MOMENTS, *model.scores])


def _stages(model: CompiledModel, query: LeadQuery) -> list[str] | None:
    stages = None if query.stages is None else set(query.stages)
    if query.sales_ready is not None:
        ready = {stage.name for stage in model.stages if stage.sales_ready is query.sales_ready}
        stages = ready if stages is None else stages & ready
    return None if stages is None else sorted(stages)


async def _by_stored_names(connection: AsyncConnection, models: ActiveModels, wanted: LeadFilter) -> LeadFilter:
    if wanted.stages is None:
        return wanted
    publications = await Publications.read(connection, models)
    return replace(wanted, stages=sorted(await publications.names_before(wanted.stages)))


def _still_matches(view: LeadView, wanted: LeadFilter) -> bool:
    standing, values = view.standing, view.evaluation.values
    return (
        (wanted.stages is None or standing.stage in wanted.stages)
        and all(values[name] >= least for name, least in (wanted.min_scores or {}).items())
        and all(values[name] <= most for name, most in (wanted.max_scores or {}).items())
        and (wanted.stage_since_from is None or standing.since.date() >= wanted.stage_since_from)
        and (wanted.next_change_before is None or _changes_before(view, wanted.next_change_before))
    )


def _changes_before(view: LeadView, day: date) -> bool:
    return view.next_change is not None and view.next_change.on < day


__all__ = ["Count", "LeadCounts", "LeadLists", "LeadQuery", "Position"]
