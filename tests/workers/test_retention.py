"""The retention worker: does nothing unless a setting says how long things are kept, and ends with its chunk."""

import asyncio
from datetime import timedelta

from app.workers.retention import apply_retention
from tests.api.harness import page_view, running, track


async def test_nothing_is_deleted_by_default(database_url: str) -> None:
    async with running(database_url, working=False) as api:
        await api.batch(track(), page_view())
        api.clock.now += timedelta(days=5_000)
        await apply_retention(api.runtime, asyncio.Event())
        assert len((await api.told("/v1/leads"))["data"]) == 2
        assert len(await api.events(user_id="u1")) == 1


async def test_old_events_and_anonymous_leads_are_deleted(database_url: str) -> None:
    async with running(database_url, working=False, events_days=30, anonymous_days=10) as api:
        await api.batch(track(), page_view())
        before = await api.lead(user_id="u1")
        for days, leads, events in ((5, 2, 1), (6, 1, 1), (20, 1, 0)):
            api.clock.now += timedelta(days=days)
            await apply_retention(api.runtime, asyncio.Event())
            assert len((await api.told("/v1/leads"))["data"]) == leads
            assert len(await api.events(user_id="u1")) == events
        lead = await api.lead(user_id="u1")
        assert (lead["event_count"], lead["first_seen_at"]) == (1, before["first_seen_at"])
        lines = (await api.ask(f"/v1/leads/{lead['id']}/export", "admin")).text.splitlines()
        assert sum('"kind":"summary"' in line for line in lines) == 1


async def test_a_stop_waits_for_the_chunk_under_way(database_url: str) -> None:
    async with running(database_url, working=False, events_days=30, anonymous_days=10) as api:
        await api.batch(track(), page_view())
        api.clock.now += timedelta(days=100)
        stopping = asyncio.Event()
        stopping.set()
        await apply_retention(api.runtime, stopping)
        assert len((await api.told("/v1/leads"))["data"]) == 1
