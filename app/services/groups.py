"""Groups: what is known of them, folded from group messages in the transaction that stores these.

A message counts for its group whoever sent it, and whichever group that lead joined later. Retracted messages don't;
what deleted ones said is kept in summaries.
"""

from collections.abc import Collection, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, group_facts_of, merge
from app.storage import events as event_store
from app.storage import group_summaries as summary_store
from app.storage import groups as group_store
from app.storage.group_summaries import GroupSummary


async def fold_into_groups(connection: AsyncConnection, events: Iterable[Event]) -> None:
    """Fold events that were just added to the log into the groups that they are about."""
    added = _by_group(events)
    if added:
        known = await group_store.lock(connection, added)
        await group_store.save(connection, {key: merge([known[key], facts]) for key, facts in added.items()})


async def refold_groups(connection: AsyncConnection, group_ids: Collection[str]) -> None:
    """Fold groups again, from the messages that count and the summaries of deleted ones. Without any, they are deleted.

    Summaries are read after messages: what is deleted meanwhile is then found in one or both of them.
    """
    if not group_ids:
        return
    await group_store.lock(connection, group_ids)  # first: what others add to the log meanwhile must be read, too
    left: dict[str, Facts] = {}
    async for events in event_store.of_groups(connection, group_ids):
        for group_id, facts in _by_group(events).items():
            left[group_id] = merge([left.get(group_id, Facts()), facts])
    for summary in await summary_store.of_groups(connection, group_ids):
        left[summary.group_id] = merge([left.get(summary.group_id, Facts()), summary.facts])
    await group_store.save(connection, left)
    await group_store.delete_many(connection, set(group_ids) - left.keys())


async def summarize_groups(connection: AsyncConnection, events: Iterable[Event]) -> None:
    """Keep what messages that are being deleted say of their groups. Their leads must be locked."""
    added: dict[tuple[Identity, str], list[Facts]] = {}
    for event in events:
        if event.group_id:
            added.setdefault((event.identities[0], event.group_id), []).append(group_facts_of(event))
    if added:
        for known in await summary_store.of_identities(connection, {identity for identity, _ in added}):
            if (key := (known.identity, known.group_id)) in added:
                added[key].append(known.facts)
        await summary_store.save(connection, [GroupSummary(*named, merge(parts)) for named, parts in added.items()])


def _by_group(events: Iterable[Event]) -> dict[str, Facts]:
    parts: dict[str, list[Facts]] = {}
    for event in events:
        if event.group_id:
            parts.setdefault(event.group_id, []).append(group_facts_of(event))
    return {group_id: merge(of_group) for group_id, of_group in parts.items()}
