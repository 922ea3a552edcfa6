"""Looking back: what was said of a person at moments in the past, from the log, the links and the models of then.

A person is asked about by a lead's id. Until that lead was merged away it speaks for itself, and after that its
survivor does. What became known later (a late event, an identity linked since) plays no part.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.engine import CompiledModel, Reading, read
from app.scoring.events import Event
from app.scoring.facts import Facts, merge
from app.scoring.stages import Transition, stage_of
from app.services.models import ActiveModels
from app.storage import events as event_store
from app.storage import identities as identity_store
from app.storage import leads as lead_store
from app.storage import rollouts as rollout_store
from app.storage import transitions as transition_store
from app.storage.identities import Link
from app.storage.rollouts import Rollout


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A lead's evaluation at a moment, now or not."""

    lead_id: UUID
    reading: Reading
    stage: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Life:
    """A lead for as long as it was the one: what became known of it, in the order in which it did."""

    lead_id: UUID
    since: datetime
    until: datetime | None
    known: Sequence[tuple[datetime, Event]]
    transitions: Sequence[Transition]
    first_stage: str

    def has_begun(self, moment: datetime) -> bool:
        return self.since <= moment

    def has_ended(self, moment: datetime) -> bool:
        return self.until is not None and self.until <= moment

    def stage_before(self, moment: datetime) -> str:
        """The stage that was stored at a moment: that to which the last transition led."""
        led_to = [change.to_stage for change in self.transitions if change.at <= moment]
        return led_to[-1] if led_to else self.first_stage


async def look_back(
    connection: AsyncConnection,
    models: ActiveModels,
    lead_id: UUID,
    moments: Sequence[datetime],
    model: CompiledModel | None = None,
) -> AsyncIterator[ScoreView]:
    """What was said at each of these moments, which must ascend, save those before anything was known.

    `model`: what it would have said instead of those that were active.
    """
    lives = await _lives(connection, lead_id, known_by=moments[-1])
    rollouts = await rollout_store.all_of_them(connection)
    past: _Past | None = None
    for moment in moments:
        life = next((each for each in lives if not each.has_ended(moment)), None)
        if life is None or not life.has_begun(moment):  # an heir may be older, but did not speak for the lead yet
            continue
        asked = model or await models.version(connection, _active_at(rollouts, moment))
        if past is None or past.life is not life or past.model is not asked:
            past = _Past(life, asked)
        yield await asyncio.to_thread(past.at, moment)  # of somebody with many events, it takes its time


class _Past:
    """One life by one model. Its facts only grow, so that many moments cost little more than the last of them."""

    def __init__(self, life: Life, model: CompiledModel) -> None:
        self.life = life
        self.model = model
        self._facts = Facts()
        self._folded = 0

    def at(self, moment: datetime) -> ScoreView:
        news = list(self._news(moment))
        if news:
            self._facts = merge([self._facts, *news])
        reading = read(self.model, self._facts, moment)
        stage = stage_of(reading, self.life.stage_before(moment))
        return ScoreView(self.life.lead_id, reading, stage, moment)

    def _news(self, moment: datetime) -> Iterator[Facts]:
        known = self.life.known
        while self._folded < len(known) and known[self._folded][0] <= moment:
            yield self.model.facts_of(known[self._folded][1])
            self._folded += 1


def _active_at(rollouts: Sequence[Rollout], moment: datetime) -> int:
    """The version that was active at a moment; the first one, before there was any."""
    published = [rollout.version for rollout in rollouts if rollout.published_at <= moment]
    return published[-1] if published else rollouts[0].version


async def _lives(connection: AsyncConnection, lead_id: UUID, known_by: datetime) -> list[Life]:
    """The lead and, if it was merged away, those that it became part of, one after the other."""
    links = await _links(connection, lead_id)
    ids = list(links)
    identities = {link.identity for held in links.values() for link in held}
    events = [event async for event in event_store.filed_under(connection, identities, known_by)]
    transitions = await transition_store.of_leads(connection, ids)
    stages = await lead_store.stages(connection, ids)
    return [_life(held, events, transitions[each], stages[each]) for each, held in links.items()]


async def _links(connection: AsyncConnection, lead_id: UUID) -> dict[UUID, list[Link]]:
    """The links of each lead that answered to this id, in the order in which they did."""
    own = await identity_store.links_of_leads(connection, [lead_id])
    if not own:  # merged away when nobody kept in mind yet whose identities were whose
        survivor = await lead_store.survivor(connection, lead_id)
        return {survivor: await identity_store.links_of_leads(connection, [survivor])}
    moved = next((link for link in own if link.until is not None), None)
    if moved is None:
        return {lead_id: own}
    chain = [link.lead_id for link in await identity_store.links_of_identity(connection, moved.identity)]
    heirs = chain[chain.index(lead_id) :]
    held: dict[UUID, list[Link]] = {heir: [] for heir in heirs}
    for link in await identity_store.links_of_leads(connection, heirs):
        held[link.lead_id].append(link)
    return held


def _life(links: Sequence[Link], events: Sequence[Event], transitions: Sequence[Transition], stage: str) -> Life:
    since = {link.identity: link.since for link in links}
    known = [
        (max(event.received_at, since[event.identities[0]]), event) for event in events if event.identities[0] in since
    ]
    first_stage = transitions[0].from_stage if transitions else stage
    return Life(
        lead_id=links[0].lead_id,
        since=min(since.values()),
        until=links[0].until,
        known=sorted(known, key=lambda pair: pair[0]),
        transitions=transitions,
        first_stage=first_stage,
    )


def ends_of_days(first: date, last: date, now: datetime) -> list[datetime]:
    """The last moment of each day in UTC; of today, now. Days to come are left out."""
    days = [first + timedelta(days=number) for number in range((min(last, now.date()) - first).days + 1)]
    return [min(datetime.combine(day, time.max, UTC), now) for day in days]
