"""Looking back: what was said of a person at moments in the past, from the log, the links and the models of then.

A person is asked about by a lead's id. Until that lead was merged away it speaks for itself, and after that its
survivor does. What became known later (a late event, an identity linked since) plays no part.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.engine import CompiledModel, Evaluation, evaluate
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, merge
from app.scoring.stages import Transition, stage_of
from app.services.models import ActiveModels
from app.services.publications import Publications
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import transitions as transition_store
from app.storage.identities import Link


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A lead's evaluation at a moment, now or not."""

    lead_id: UUID
    evaluation: Evaluation
    stage: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class NamedStage:
    """A stage by its name in a version of the model, that which was active at a moment; None for the end."""

    name: str
    version: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class LeadPeriod:
    """One lead that an id stood for, until it was merged away, and since when each identity was its own."""

    lead_id: UUID
    since: Mapping[Identity, datetime]
    until: datetime | None
    transitions: Sequence[Transition]
    stored: NamedStage

    def has_begun(self, moment: datetime) -> bool:
        return any(since <= moment for since in self.since.values())

    def has_ended(self, moment: datetime) -> bool:
        return self.until is not None and self.until <= moment

    def known_since(self, event: Event) -> datetime | None:
        """When an event became known of this lead; None if it never did."""
        since = self.since.get(event.identities[0])
        return None if since is None else max(event.received_at, since)

    def stage_before(self, moment: datetime) -> NamedStage:
        """The stage that was stored at a moment: that to which the last transition led."""
        led_to = [each for each in self.transitions if each.at <= moment]
        if led_to:
            return NamedStage(led_to[-1].to_stage, led_to[-1].model_version, led_to[-1].at)
        if self.transitions:
            first = self.transitions[0]
            return NamedStage(first.from_stage, first.model_version, first.at)
        return self.stored


async def look_back(
    connection: AsyncConnection,
    models: ActiveModels,
    lead_id: UUID,
    moments: Sequence[datetime],
    model: CompiledModel | None = None,
) -> list[ScoreView]:
    """What was said at each of these moments, which must ascend, save those before anything was known.

    `model`: what it would have said instead of those that were active.
    """
    periods = await _periods(connection, lead_id)
    publications = await Publications.read(connection, models)
    pasts: dict[tuple[UUID, int], _Past] = {}
    asked: list[tuple[datetime, _Past, str]] = []
    for moment in moments:
        life = next((each for each in periods if not each.has_ended(moment)), None)
        if life is None or not life.has_begun(moment):  # the survivor may be older: this id did not lead to it yet
            continue
        publication = publications.at(moment)
        model_then = model or await publications.model(publication)
        stage = await _present_name(publications, life.stage_before(moment), publication, model_then)
        key = (life.lead_id, model_then.version)
        if key not in pasts:
            pasts[key] = _Past(life, model_then)
        pasts[key].moments.append(moment)
        asked.append((moment, pasts[key], stage))
    if not asked:
        return []
    identities = {identity for past in pasts.values() for identity in past.life.since}
    async for events in event_store.filed_under(connection, identities, received_by=moments[-1]):
        await asyncio.to_thread(_learn, pasts.values(), events)  # of somebody with many events, it takes its time
    return await asyncio.to_thread(lambda: [past.at(moment, stage) for moment, past, stage in asked])


class _Past:
    """What was known of one life at each of `moments`, which ascend, as one model reads it.

    Events come in any order, and are not kept: each is added to the facts of the first moment at which it was known.
    """

    def __init__(self, life: LeadPeriod, model: CompiledModel) -> None:
        self.life = life
        self.model = model
        self.moments: list[datetime] = []
        self._unread: dict[datetime, Facts] = {}  # by the first of the moments at which it was known
        self._facts = Facts()

    def learn(self, events: Iterable[Event]) -> None:
        unread: dict[datetime, list[Facts]] = {}
        for event in events:
            known_since = self.life.known_since(event)
            if known_since is not None and known_since <= self.moments[-1]:
                first = self.moments[bisect_left(self.moments, known_since)]
                unread.setdefault(first, []).append(self.model.facts_of(event))
        for first, parts in unread.items():
            self._unread[first] = merge([self._unread.get(first, Facts()), *parts])

    def at(self, moment: datetime, stage_before: str) -> ScoreView:
        """What was said at a moment of a lead on that stage. To be asked of one after the other."""
        unread = self._unread.pop(moment, None)
        if unread is not None:
            self._facts = merge([self._facts, unread])
        evaluation = evaluate(self.model, self._facts, moment)
        return ScoreView(self.life.lead_id, evaluation, stage_of(evaluation, stage_before), moment)


def _learn(pasts: Iterable[_Past], events: Sequence[Event]) -> None:
    for past in pasts:
        past.learn(events)


async def _present_name(publications: Publications, stage: NamedStage, publication: int, model: CompiledModel) -> str:
    """What a stage was called at a publication, by its model or by another that is asked instead."""
    names = await publications.names_by(model, publications.of(stage.version, stage.at), publication)
    return names.get(stage.name, stage.name)


async def _periods(connection: AsyncConnection, lead_id: UUID) -> list[LeadPeriod]:
    """The lead and, if it was merged away, those that it became part of, one after the other."""
    links = await _links(connection, lead_id)
    transitions = await transition_store.of_leads(connection, list(links))
    stages = await lead_store.stages(connection, list(links))
    return [_period(held, transitions[each], *stages[each]) for each, held in links.items()]


async def _links(connection: AsyncConnection, lead_id: UUID) -> dict[UUID, list[Link]]:
    """The links of each lead that answered to this id, in the order in which they did."""
    own = await identity_store.links_of_leads(connection, [lead_id])
    if not own:  # merged before `former_identities` was kept
        survivor = await lead_store.survivor(connection, lead_id)
        return {survivor: await identity_store.links_of_leads(connection, [survivor])}
    moved = next((link for link in own if link.until is not None), None)
    if moved is None:
        return {lead_id: own}
    chain = [link.lead_id for link in await identity_store.links_of_identity(connection, moved.identity)]
    successors = chain[chain.index(lead_id) :]
    held: dict[UUID, list[Link]] = {successor: [] for successor in successors}
    for link in await identity_store.links_of_leads(connection, successors):
        held[link.lead_id].append(link)
    return held


def _period(links: Sequence[Link], transitions: Sequence[Transition], stage: str, version: int) -> LeadPeriod:
    return LeadPeriod(
        lead_id=links[0].lead_id,
        since={link.identity: link.since for link in links},
        until=links[0].until,
        transitions=transitions,
        stored=NamedStage(stage, version, links[0].until),
    )


def ends_of_days(first: date, last: date, now: datetime) -> list[datetime]:
    """The last moment of each day in UTC; of today, now. Days to come are left out."""
    days = [first + timedelta(days=number) for number in range((min(last, now.date()) - first).days + 1)]
    return [min(datetime.combine(day, time.max, UTC), now) for day in days]
