"""Rebuilds each lead from the event log alone, to compare with the stored lead: both must be equal, byte for byte.

Identities are resolved by `people`. Leads are matched by their identities, because their ids are random; columns are
compared as the text in the database.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.accounts import AccountKey, account_of
from app.scoring.engine import CompiledModel, evaluate
from app.scoring.events import KNOWN_BY, Event, Identity
from app.scoring.facts import Facts, Stamped, merge
from app.scoring.history import fold
from app.scoring.stages import stage_of
from app.storage import events as event_store
from app.storage.db import Database
from app.storage.sql import dumps
from app.storage.tables import identities, leads, transitions
from tests.services.people import Entry, people_of

Person = tuple[str, ...]
"""All the identities of one lead, sorted."""

State = dict[Person, dict[str, Any]]
EvaluatedBy = tuple[CompiledModel, datetime]

JSON_COLUMNS = ("tally", "traits", "trusted_traits", "source", "joined_group", "scores")
COLUMNS = ("channel", "account", "first_seen_at", "last_seen_at", "event_count", "stage", "model_version", "updated_at")


# --- Stored -----------------------------------------------------------------------------------------------------


async def stored(database: Database) -> State:
    """The leads as they are stored."""
    texts = [cast(leads.c[name], Text).label(name) for name in JSON_COLUMNS]
    query = select(leads.c.id, *texts, *(leads.c[name] for name in COLUMNS)).where(leads.c.merged_into.is_(None))
    async with database.read() as connection:
        people = await _people_stored(connection)
        rows = {row.id: row for row in await connection.execute(query)}
    assert people.keys() == rows.keys(), "a lead without an identity, or an identity without a lead"
    return {people[lead_id]: {name: row[name] for name in JSON_COLUMNS + COLUMNS} for lead_id, row in _maps(rows)}


def _maps(rows: dict[UUID, Any]) -> Iterable[tuple[UUID, Any]]:
    return ((lead_id, row._mapping) for lead_id, row in rows.items())


async def _people_stored(connection: AsyncConnection) -> dict[UUID, Person]:
    keys_of_lead: dict[UUID, list[str]] = {}
    for row in await connection.execute(select(identities)):
        keys_of_lead.setdefault(row.lead_id, []).append(row.identity)
    return {lead_id: tuple(sorted(keys)) for lead_id, keys in keys_of_lead.items()}


async def lead_ids(database: Database) -> set[UUID]:
    """Of all leads, including merged ones."""
    async with database.read() as connection:
        return set((await connection.execute(select(leads.c.id))).scalars())


async def stages_and_scores(database: Database) -> dict[UUID, tuple[str, dict[str, float]]]:
    """As they are stored, of the leads that were not merged away."""
    query = select(leads.c.id, leads.c.stage, leads.c.scores).where(leads.c.merged_into.is_(None))
    async with database.read() as connection:
        return {row.id: (row.stage, row.scores) for row in await connection.execute(query)}


async def count_transitions(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(transitions))).scalar_one()


async def event_log(database: Database) -> list[Event]:
    async with database.read() as connection:
        return [event async for event in event_store.all_in_order(connection)]


# --- Rebuilt ----------------------------------------------------------------------------------------------------


def rebuilt(
    log: Sequence[Entry],
    evaluation_of: Callable[[Person], EvaluatedBy],
    stage_before: Callable[[Person], str | None] = lambda _: None,
    without: Container[UUID] = (),
    summarized: Mapping[UUID, CompiledModel] = MappingProxyType({}),
) -> State:
    """The leads that result from a log and what operators did.

    Each is evaluated by the model and at the moment returned by `evaluation_of`. `stage_before`: each lead's previous
    stage, which may be kept and can't be derived from the log. `without`: the ids of events that don't count.
    `summarized`: for deleted events, the models that counted them last; signals that these lack don't count.
    """
    state: State = {}
    filed: dict[Identity, list[Event]] = {}
    for entry in log:
        if isinstance(entry, Event) and entry.id not in without:
            filed.setdefault(entry.identities[0], []).append(entry)
    for person in people_of(log):
        key = tuple(sorted(map(str, person)))
        model, moment = evaluation_of(key)
        theirs = [event for identity in sorted(person) for event in filed.get(identity, ())]
        facts = merge(
            [
                fold(model, (event for event in theirs if event.id not in summarized)),
                *(_summary(model, summarized[event.id], event) for event in theirs if event.id in summarized),
            ]
        )
        state[key] = columns_of(model, facts, moment, stage_before(key))
    return state


def _summary(model: CompiledModel, counted_by: CompiledModel, event: Event) -> Facts:
    facts = counted_by.facts_of(event)
    return replace(facts, tally={key: days for key, days in facts.tally.items() if key in model.fingerprints})


def joined_without_reason(before: Iterable[Person], after: Iterable[Person], messages: Iterable[Event]) -> list[Person]:
    """Leads that now combine several known people, although none of the messages names a user with the address.

    For messages with a public key only: an alias from a secret key is a sufficient reason.
    """
    named = [{str(each) for each in event.identities if each.kind in KNOWN_BY} for event in messages if _by_user(event)]
    groups: list[set[str]] = []
    for group in [*map(set, before), *named]:
        touching = [each for each in groups if each & group]
        groups = [each for each in groups if each not in touching] + [group.union(*touching)]
    known = {person: {key for key in person if key.partition(":")[0] in KNOWN_BY} for person in after}
    return [person for person, keys in known.items() if len(keys) > 1 and not any(keys <= group for group in groups)]


def _by_user(event: Event) -> bool:
    return event.identities[0].kind == "user_id"


def _runs(days: dict[int, int]) -> dict[str, list[int]]:
    """A signal's hits as stored: a list of consecutive days goes on if a day with hits is at most a week later."""
    runs: dict[int, list[int]] = {}
    first = last = min(days)
    for day in sorted(days):
        if day - last > 7:
            first = day
        hits = runs.setdefault(first, [])
        hits += [0] * (day - first - len(hits)) + [days[day]]
        last = day
    return {date.fromordinal(first).isoformat(): hits for first, hits in runs.items()}


def columns_of(model: CompiledModel, facts: Facts, moment: datetime, stage_before: str | None = None) -> dict[str, Any]:
    evaluation = evaluate(model, facts, moment)
    tally = {key: _runs(dict(days)) for key, days in facts.tally.items()}
    return {
        "tally": dumps(tally),
        "traits": dumps({key: _stamped(trait) for key, trait in facts.traits.items()}),
        "trusted_traits": dumps({key: _stamped(trait) for key, trait in facts.trusted_traits.items()}),
        "source": dumps(_stamped(facts.source)) if facts.source else None,
        "joined_group": dumps(_stamped(facts.group)) if facts.group else None,
        "account": _text(account_of(facts.group, evaluation.traits)),
        "scores": dumps(evaluation.values),
        "channel": facts.source.value["channel"] if facts.source else None,
        "first_seen_at": facts.first_seen_at,
        "last_seen_at": facts.last_seen_at,
        "event_count": facts.event_count,
        "stage": stage_of(evaluation, stage_before),
        "model_version": model.version,
        "updated_at": moment,
    }


def _text(account: AccountKey | None) -> str | None:
    return None if account is None else str(account)


def _stamped(stamped: Stamped) -> list[Any]:
    return [stamped.value, stamped.at.isoformat(), stamped.message_id]


# --- Transitions ------------------------------------------------------------------------------------------------


async def broken_chains(database: Database, first_stage: str, renamed: Mapping[str, str] | None = None) -> list[str]:
    """Leads, including merged ones, whose transitions don't lead step by step from the first stage to theirs.

    `renamed`: other names by which models call a stage.
    """
    names = renamed or {}
    chains: dict[UUID, list[Any]] = {}
    async with database.read() as connection:
        for row in await connection.execute(select(transitions).order_by(transitions.c.id)):
            chains.setdefault(row.lead_id, []).append(row)
        rows = list(await connection.execute(select(leads.c.id, leads.c.stage, leads.c.stage_since)))
    return [fault for row in rows for fault in _faults(row, chains.get(row.id, []), first_stage, names)]


def _faults(lead: Any, chain: Sequence[Any], first_stage: str, names: Mapping[str, str]) -> Iterable[str]:
    steps = [first_stage, *(names.get(step.to_stage, step.to_stage) for step in chain)]
    if [names.get(step.from_stage, step.from_stage) for step in chain] != steps[:-1]:
        yield f"{lead.id}: {[(step.from_stage, step.to_stage) for step in chain]} is not a chain"
    if any(step.from_stage == step.to_stage for step in chain):
        yield f"{lead.id}: a transition stays in its stage"
    if steps[-1] != names.get(lead.stage, lead.stage):
        yield f"{lead.id}: the chain ends at {steps[-1]}, the lead is in {lead.stage}"
    if chain and chain[-1].at != lead.stage_since:
        yield f"{lead.id}: in its stage since {lead.stage_since}, the transition was at {chain[-1].at}"
