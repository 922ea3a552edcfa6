"""Writing leads: only the columns that may have changed, where that is cheaper.

SQLite writes an index's entry again for each column that an UPDATE sets, whether or not its value is another: that was
most of what a commit of events wrote.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import Dialect, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.facts import Facts
from app.scoring.referrers import host_of
from app.storage.facts import stamped_to_json, tally_to_json, traits_to_json
from app.storage.leads import STORED, Lead
from app.storage.sql import dumps, insert_rows, rewrites_all_indexes, rows_param_table
from app.storage.statements import Statement
from app.storage.tables import NO_CHANGE_ON, leads

MAX_SOURCE_LENGTH = 100
"""Characters of a first touch's source, campaign and referrer that reports distinguish: index entries must be small."""

UPDATED = [column.name for column in STORED if column.name != "id"]
INDEXED = frozenset(column.name for index in leads.indexes for column in index.columns)


async def save(
    connection: AsyncConnection, changed: Collection[Lead], before: Mapping[UUID, Lead] = MappingProxyType({})
) -> None:
    """Insert or update leads. Existing leads must be locked.

    `before`: some of them by id, as they are stored. A lead with `is_outdated` differs from what is stored.
    """
    rows: dict[Statement, list[dict[str, Any]]] = {}
    for lead in changed:
        statement, to_row = _write_of(lead, before.get(lead.id), connection.dialect)
        rows.setdefault(statement, []).append(to_row(lead))
    for statement, of_statement in rows.items():
        await statement.rows(connection, rows=of_statement)


def _write_of(lead: Lead, before: Lead | None, dialect: Dialect) -> tuple[Statement, Callable[[Lead], dict[str, Any]]]:
    """The statement that writes the columns that may have changed, and what makes its row."""
    if before is None or before.is_outdated:
        return _UPSERT, _to_row
    if lead.facts is before.facts:
        return _UPDATE_EVALUATION, _evaluation_to_row
    # On PostgreSQL, one statement for all leads that events have changed costs less than two.
    if rewrites_all_indexes(dialect) and _indexed_of(lead) == _indexed_of(before):
        return (_UPDATE_UNINDEXED if lead.score_steps == before.score_steps else _UPDATE_STEPS), _to_row
    return _UPSERT, _to_row


def _upsert(dialect: Dialect) -> Any:
    insert = insert_rows(leads, dialect)
    return insert.on_conflict_do_update(
        index_elements=[leads.c.id], set_={name: insert.excluded[name] for name in UPDATED}
    )


def _update(names: Collection[str], dialect: Dialect) -> Any:
    rows = rows_param_table([leads.c.id, *(leads.c[name] for name in names)], dialect)
    return update(leads).where(leads.c.id == rows.c.id).values({name: rows.c[name] for name in names})


def _indexed_of(lead: Lead) -> tuple[Any, ...]:
    """All that the columns in indexes are made of, except the steps of scores, which change more often."""
    facts = lead.facts
    return (
        lead.standing.stage,
        lead.standing.since,
        lead.journey,
        facts.source,
        lead.account,
        facts.first_seen_at and facts.first_seen_at.date(),
        facts.last_seen_at and facts.last_seen_at.date(),
        lead.model_version,
        lead.next_check_on,
        lead.next_change and lead.next_change.on,
    )


def _to_row(lead: Lead) -> dict[str, Any]:
    return {"id": lead.id, "merged_into": None, **_facts_to_row(lead.facts), **_evaluation_to_row(lead)}


def _facts_to_row(facts: Facts) -> dict[str, Any]:
    source, traits = facts.source, traits_to_json(facts.traits)
    return {
        "tally": dumps(tally_to_json(facts.tally)),
        "traits": traits,
        "trusted_traits": traits if facts.trusted_traits is facts.traits else traits_to_json(facts.trusted_traits),
        "source": stamped_to_json(source) if source else None,
        **_first_touch(source.value if source else None),
        "joined_group": stamped_to_json(facts.group) if facts.group else None,
        "first_seen_at": facts.first_seen_at,
        "first_seen_on": facts.first_seen_at.date() if facts.first_seen_at else None,
        "last_seen_at": facts.last_seen_at,
        "last_seen_on": facts.last_seen_at.date() if facts.last_seen_at else None,
        "event_count": facts.event_count,
    }


def _first_touch(source: Mapping[str, Any] | None) -> dict[str, str | None]:
    """What reports distinguish of a first touch, each as a column."""
    if source is None:
        return dict.fromkeys(("channel", "utm_source", "utm_campaign", "referrer"))
    names = source["utm"].get("source"), source["utm"].get("campaign"), host_of(source["referrer"])
    utm_source, utm_campaign, referrer = (name and name[:MAX_SOURCE_LENGTH] for name in names)
    return {
        "channel": source["channel"],
        "utm_source": utm_source,
        "utm_campaign": utm_campaign,
        "referrer": referrer,
    }


def _evaluation_to_row(lead: Lead) -> dict[str, Any]:
    """The columns that don't only depend on the facts."""
    return {
        "id": lead.id,
        "stage": lead.standing.stage,
        "stage_since": lead.standing.since,
        "reached": {stage: at.isoformat() for stage, at in lead.standing.reached.items()},
        "journey": lead.journey,
        "scores": dict(lead.scores),
        "account": str(lead.account) if lead.account else None,
        "separations": dict(lead.separations) or None,
        "model_version": lead.model_version,
        "next_check_on": lead.next_check_on,
        "next_change_on": lead.next_change.on if lead.next_change else NO_CHANGE_ON,
        "next_change_to": (lead.next_change.stage if lead.next_change else "") if lead.is_forecast else None,
        "first_score_step": lead.score_steps[0],
        "second_score_step": lead.score_steps[1],
        "created_at": lead.created_at,
        "updated_at": lead.updated_at,
        "changed_at": lead.changed_at,
    }


FACTS = frozenset(_facts_to_row(Facts()))
STEPS = frozenset({"first_score_step", "second_score_step"})
_UPSERT = Statement(_upsert)
_UPDATE_UNINDEXED = Statement(partial(_update, [name for name in UPDATED if name not in INDEXED]))
_UPDATE_STEPS = Statement(partial(_update, [name for name in UPDATED if name not in INDEXED - STEPS]))
_UPDATE_EVALUATION = Statement(partial(_update, [name for name in UPDATED if name not in FACTS]))
