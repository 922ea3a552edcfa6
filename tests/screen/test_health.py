"""The health that every page shows: what needs attention, counted, and what the API says about it."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from app.errors import Unavailable
from app.screen.health import HealthLook
from app.services.health import CACHED_S, MAX_COUNTED, Health
from app.storage import deliveries as delivery_store
from app.storage import webhooks as webhook_store
from app.storage.deliveries import Delivery
from tests.api.harness import Api, page_view, small_model
from tests.screen.harness import Browser
from tests.services.harness import NOW

WELL = Health(None, is_writable=True, rollout=None, oldest_due_s=0, failing_webhooks=0, dead_deliveries=0)


@pytest.mark.parametrize(
    ("health", "state", "badge"),
    [
        (WELL, "All is well", ""),
        (replace(WELL, rollout=4), "Rolling out model 4", ""),
        (replace(WELL, oldest_due_s=3_600), "All is well", ""),
        (replace(WELL, unready_because="The server is shutting down."), "The service is not ready", "1"),
        (replace(WELL, is_writable=False), "The database refuses writes", "1"),
        (replace(WELL, oldest_due_s=7_200, rollout=4), "Stages lag by 2 h", "1"),
        (replace(WELL, failing_webhooks=1), "1 webhook fails", "1"),
        (replace(WELL, failing_webhooks=2, dead_deliveries=3), "2 webhooks fail", "5"),
        (replace(WELL, dead_deliveries=MAX_COUNTED), "1,000+ deliveries failed", "1,000+"),
    ],
)
def test_what_stops_the_service_first_is_named_and_everything_is_counted(
    health: Health, state: str, badge: str
) -> None:
    look = HealthLook.of(health)
    assert (look.state, look.badge) == (state, badge)


async def leave_dead(api: Api, count: int) -> UUID:
    """A webhook that fails, with as many dead deliveries."""
    made = (await api.do("/v1/webhooks", {"url": "https://8.8.8.8/hook"})).json()
    webhook_id = UUID(made["webhook"]["id"])
    dead = [
        Delivery(uuid7(), webhook_id, uuid4(), "lead.merged", None, "{}", "dead", 9, NOW, None) for _ in range(count)
    ]
    async with api.runtime.database.write() as connection:
        await delivery_store.insert(connection, dead)
        webhook = await webhook_store.lock(connection, webhook_id)
        assert webhook is not None
        await webhook_store.change(connection, webhook, failing_since=NOW)
    return webhook_id


async def later(api: Api) -> None:
    api.clock.now += timedelta(seconds=CACHED_S + 1)


async def test_dead_deliveries_and_failing_webhooks_are_on_every_page_until_they_are_gone(
    api: Api, browser: Browser
) -> None:
    assert "All is well · model 1" in await browser.page("/ui/leads")
    webhook_id = await leave_dead(api, 3)
    await later(api)
    page = await browser.page("/ui/model")
    assert '<span class="badge" title="1 webhook fails; 3 deliveries failed">4' in page
    status = (await api.told("/v1/status"))["webhooks"]
    assert (status["failing"], status["dead_deliveries"]) == (1, 3)
    await api.client.delete(f"/v1/webhooks/{webhook_id}", headers=api.bearer("admin"))
    await later(api)
    assert 'class="badge"' not in await browser.page("/ui/model")


async def test_operations_leads_admins_to_the_dead_deliveries(api: Api, browser: Browser, admin: Browser) -> None:
    await leave_dead(api, 1)
    link = 'href="./ops/deliveries?state=dead"'
    assert link in await admin.page("/ui/ops")
    page = await browser.page("/ui/ops")
    assert "1 delivery failed" in page
    assert link not in page


async def test_pages_do_not_ask_again_within_seconds(api: Api, browser: Browser) -> None:
    await browser.page("/ui/leads")
    await leave_dead(api, 1)
    assert 'class="badge"' not in await browser.page("/ui/leads")


async def test_an_unfinished_rollout_is_named(api: Api, browser: Browser) -> None:
    await api.batch(page_view())
    await api.publish(await api.draft(small_model()))
    page = await browser.page("/ui/leads")
    assert f"Rolling out model {(await api.told('/v1/status'))['rollout']['version']}" in page


async def test_a_database_that_refuses_writes_is_an_alert_although_it_can_be_read(api: Api, browser: Browser) -> None:
    with pytest.raises(Unavailable):
        async with api.runtime.database.write():
            raise Unavailable("The disk is full.")
    assert "The database refuses writes" in await browser.page("/ui/leads")
    assert (await api.told("/v1/status"))["writable"] is False
    async with api.runtime.database.write():
        pass
    await later(api)
    assert "All is well" in await browser.page("/ui/leads")
