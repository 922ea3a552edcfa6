"""Look-backs: a lead's evaluation at moments in the past, from the log, the links and the models of that time.

While a lead has identities, it is evaluated itself; while it is merged into another lead, that one is. What became
known later (a late event, an identity linked since) doesn't count.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Gone
from app.scoring.engine import CompiledModel, Evaluation, evaluate
from app.scoring.history import FactsOverTime, Gap
from app.scoring.stages import Transition, look_ahead, stage_of
from app.services.failures import unreadable
from app.services.history import known_since, read_facts
from app.services.models import ActiveModels
from app.services.publications import Publications
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import retractions as retraction_store
from app.storage import summaries as summary_store
from app.storage import transitions as transition_store
from app.storage.events import UnreadableEvent
from app.storage.identities import Link, leading_link
from app.storage.retractions import EventGap


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A lead's evaluation at a moment, past, present or future."""

    lead_id: UUID
    evaluation: Evaluation
    stage: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class NamedStage:
    """A stage by its name in the version of the model that was active at `at`; None means the present."""

    name: str
    version: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class PastLead:
    """A lead with all its present and former links, its transitions, and its stored stage.

    `lost_at` are the times, in order, at which it lost identities, or events were retracted. Between two of them, its
    facts only grow. `gaps`: when retracted events did not count, by their ids.
    """

    id: UUID
    links: Sequence[Link]
    lost_at: Sequence[datetime]
    transitions: Sequence[Transition]
    stored: NamedStage
    gaps: Mapping[UUID, Sequence[Gap]]

    def stage_before(self, moment: datetime) -> NamedStage:
        """The stage that was stored at a moment: where the last transition before it led."""
        earlier = [each for each in self.transitions if each.at <= moment]
        if earlier:
            return NamedStage(earlier[-1].to_stage, earlier[-1].model_version, earlier[-1].at)
        if self.transitions:
            first = self.transitions[0]
            return NamedStage(first.from_stage, first.model_version, first.at)
        return self.stored


@dataclass(frozen=True, slots=True)
class Trail:
    """The leads that an id referred to. Of the `links` that cover a moment, the first one gives the lead."""

    links: Sequence[Link]
    leads: Mapping[UUID, PastLead]

    def lead_at(self, moment: datetime) -> PastLead | None:
        link = next((link for link in self.links if link.covers(moment)), None)
        return self.leads[link.lead_id] if link else None


@dataclass(frozen=True, slots=True)
class _Span:
    """Moments at which one lead is evaluated by one model, with no identity lost between them.

    `stages`: by moment, the name at that time of the stage before it.
    """

    lead: PastLead
    model: CompiledModel
    stages: dict[datetime, str]

    def facts(self) -> FactsOverTime:
        """The facts to fill from the log."""
        moments = list(self.stages)
        return FactsOverTime(self.model, known_since(self.lead.links, moments[0]), moments, self.lead.gaps)

    def views(self, facts: FactsOverTime) -> Iterator[ScoreView]:
        for moment, known in facts.by_moment().items():
            evaluation = evaluate(self.model, known, moment)
            yield ScoreView(self.lead.id, evaluation, stage_of(evaluation, self.stages[moment]), moment)


async def look_back(
    connection: AsyncConnection,
    models: ActiveModels,
    lead_id: UUID,
    moments: Sequence[datetime],
    model: CompiledModel | None,
) -> list[ScoreView]:
    """The lead's evaluation at each of these moments, which must ascend, except those before it was known.

    Moments at which deleted events counted are left out too, unless none are left: then it raises `Gone`.

    With `model`, it is evaluated by this model instead of those active at the time. Raises `UnreadableLead` if an event
    can't be read.
    """
    trail = await _read_trail(connection, lead_id)
    kept = await _still_known(connection, trail, moments)
    spans = await _spans(connection, models, trail, kept, model)
    if not spans:
        return []
    facts = [span.facts() for span in spans]
    try:
        await read_facts(connection, facts)
    except UnreadableEvent as error:
        raise unreadable(lead_id, error) from error
    return await asyncio.to_thread(_evaluate, spans, facts)


def _evaluate(spans: Sequence[_Span], facts: Sequence[FactsOverTime]) -> list[ScoreView]:
    views = [view for span, known in zip(spans, facts, strict=True) for view in span.views(known)]
    return sorted(views, key=lambda view: view.as_of)


async def _still_known(connection: AsyncConnection, trail: Trail, moments: Sequence[datetime]) -> Sequence[datetime]:
    """The moments for which the summaries of deleted events are exact. Raises `Gone` if there are none."""
    identities = {link.identity for lead in trail.leads.values() for link in lead.links}
    since = await summary_store.valid_from(connection, identities)
    if since is None:
        return moments
    if moments[-1] < since:
        raise Gone(f"Events that counted then have been deleted. Choose a moment from {since.isoformat()} on.")
    return [moment for moment in moments if moment >= since]


async def _spans(
    connection: AsyncConnection,
    models: ActiveModels,
    trail: Trail,
    moments: Sequence[datetime],
    model: CompiledModel | None,
) -> list[_Span]:
    """The moments at which the id referred to a lead, grouped into spans."""
    publications = await Publications.read(connection, models)
    spans: dict[tuple[UUID, int, int], _Span] = {}
    for moment in moments:
        lead = trail.lead_at(moment)
        if lead is None:
            continue
        publication = publications.at(moment)
        model_then = model or await publications.model(publication)
        key = lead.id, bisect_right(lead.lost_at, moment), model_then.version
        span = spans.setdefault(key, _Span(lead, model_then, {}))
        span.stages[moment] = await _present_name(publications, lead.stage_before(moment), publication, model_then)
    return list(spans.values())


async def _present_name(publications: Publications, stage: NamedStage, publication: int, model: CompiledModel) -> str:
    """A stage's name as of a publication, in its model or in the one used instead."""
    names = await publications.names_by(model, publications.of(stage.version, stage.at), publication)
    return names.get(stage.name, stage.name)


async def _read_trail(connection: AsyncConnection, lead_id: UUID) -> Trail:
    own = await identity_store.links_of_leads(connection, [lead_id])
    if not own:  # merged before `former_identities` existed
        lead_id = await lead_store.survivor(connection, lead_id)
        own = await identity_store.links_of_leads(connection, [lead_id])
    later = await _links_after(connection, own)
    links: dict[UUID, list[Link]] = {lead_id: own} | {link.lead_id: [] for link in later if link.lead_id != lead_id}
    for link in await identity_store.links_of_leads(connection, links.keys() - {lead_id}):
        links[link.lead_id].append(link)
    transitions = await transition_store.of_leads(connection, list(links))
    stages = await lead_store.stages(connection, list(links))
    gaps = await retraction_store.gaps(connection, {link.identity for theirs in links.values() for link in theirs})
    return Trail(
        own + later,
        {each: _past_lead(each, links[each], transitions[each], stages[each], gaps) for each in links},
    )


async def _links_after(connection: AsyncConnection, own: Sequence[Link]) -> list[Link]:
    """Where a lead's identities went: the links of the one that its id follows, after its first link to this lead."""
    first = leading_link(own)
    if first is None:
        return []
    links = await identity_store.links_of_identity(connection, first.identity)
    return links[links.index(first) + 1 :]


def _past_lead(
    lead_id: UUID,
    links: Sequence[Link],
    transitions: Sequence[Transition],
    stored: tuple[str, int],
    gaps: Sequence[EventGap],
) -> PastLead:
    """`stored`: the stage, and the version that names it. `gaps`: those of several leads."""
    ends = {link.until for link in links if link.until is not None}
    retired_at = None if any(link.until is None for link in links) else max(ends, default=None)
    own = {link.identity for link in links}
    by_event: dict[UUID, list[Gap]] = {}
    for event_id, identity, gap in gaps:
        if identity in own:
            by_event.setdefault(event_id, []).append(gap)
    lost_at = sorted(ends | {gap.since for theirs in by_event.values() for gap in theirs})
    return PastLead(lead_id, links, lost_at, transitions, NamedStage(*stored, retired_at), by_event)


def days_ahead(today: ScoreView, first: date, last: date) -> list[ScoreView]:
    """The evaluations at the ends of the days to come from `first` to `last`, if nothing more happens."""
    ahead = look_ahead(today.evaluation, today.stage, last.toordinal())
    return [
        ScoreView(today.lead_id, evaluation, stage, _end_of(date.fromordinal(evaluation.day)))
        for evaluation, stage in ahead
        if evaluation.day >= first.toordinal()
    ]


def ends_of_days(first: date, last: date, now: datetime) -> list[datetime]:
    """The last moment of each day in UTC, or `now` for today. Future days are left out."""
    days = [first + timedelta(days=number) for number in range((min(last, now.date()) - first).days + 1)]
    return [min(_end_of(day), now) for day in days]


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)
