"""The status over HTTP: every number equals its metric's, and what is left to do is named."""

from datetime import timedelta
from importlib.metadata import version
from typing import Any
from uuid import UUID

from sqlalchemy import text
from uuid_utils.compat import uuid7

from app.storage import deliveries as delivery_store
from app.storage.deliveries import Delivery
from app.storage.migrations import head
from tests.api.harness import Api, assert_problem, page_view, small_model, track

METRICS = {
    "queue_messages": "leadscore_queue_messages",
    "oldest_due_check_seconds": "leadscore_oldest_due_check_seconds",
    "feed_position": "leadscore_feed_position",
    "rollout_left_leads": "leadscore_rollout_left_leads",
    "webhooks.disabled": "leadscore_webhooks_disabled",
    "webhooks.pending_deliveries": "leadscore_webhook_pending_deliveries",
    "webhooks.oldest_pending_seconds": "leadscore_webhook_oldest_pending_seconds",
}


async def numbers(api: Api) -> tuple[dict[str, float], dict[str, float]]:
    """The numbers of the status, and those of the metrics by the same names."""
    status = await api.told("/v1/status")
    status |= {f"webhooks.{name}": value for name, value in status["webhooks"].items()}
    lines = (await api.client.get("/metrics")).text.splitlines()
    samples = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
    leads = {f"leads.{stage}": count for stage, count in status["leads"].items()}
    measured = {f"leads.{stage}": samples[f'leadscore_leads{{stage="{stage}"}}'] for stage in status["leads"]}
    shown = {name: status[name] for name in METRICS} | leads
    return shown, {name: samples[metric] for name, metric in METRICS.items()} | measured


async def subscribe(api: Api) -> UUID:
    answer = await api.do("/v1/webhooks", {"url": "https://8.8.8.8/hook"})
    return UUID(answer.json()["webhook"]["id"])


async def leave_work(api: Api) -> None:
    """Leads to roll out and to check, two webhooks, of which one is disabled and one has a delivery, and two jobs."""
    await api.batch(page_view(), track(), track("Order Completed", userId="u2"), key=api.keys["server"])
    webhook_id, disabled = [await subscribe(api) for _ in range(2)]
    await api.client.patch(f"/v1/webhooks/{disabled}", json={"enabled": False}, headers=api.bearer("admin"))
    now = api.clock.now
    delivery = Delivery(uuid7(), webhook_id, uuid7(), "lead.merged", None, "{}", "pending", 0, now, now)
    async with api.runtime.database.write() as connection:
        await delivery_store.insert(connection, [delivery])
    await api.publish(await api.draft(small_model()))
    await api.runtime.feed.number()
    for _ in range(2):
        await api.do("/v1/proposals", {"outcome": "customer", "within_days": 30})
    api.clock.now += timedelta(days=2)


async def test_every_number_equals_its_metric(still: Api) -> None:
    before, measured_before = await numbers(still)
    assert before == measured_before
    await leave_work(still)
    after, measured_after = await numbers(still)
    assert after == measured_after
    assert {name for name in METRICS if not after[name]} == {"queue_messages"}
    assert {name: after[name] for name in after if name.startswith("leads.")} == {
        "leads.interest": 1,
        "leads.sql": 1,
        "leads.customer": 1,
    }


async def test_what_is_left_to_do_is_named(still: Api) -> None:
    idle = await still.told("/v1/status")
    assert (idle["rollout"], idle["jobs"], idle["webhooks"]["behind"]) == (None, {"waiting": 0, "running": 0}, 0)
    await leave_work(still)
    busy = await still.told("/v1/status")
    assert (busy["jobs"], busy["webhooks"]["behind"]) == ({"waiting": 2, "running": 0}, 1)
    rollouts: list[Any] = (await still.told("/v1/rollouts"))["data"]
    assert busy["rollout"] == rollouts[0]
    assert (busy["rollout"]["state"], busy["rollout"]["done"]) == ("waiting", 0)


async def test_the_status_names_what_runs(api: Api) -> None:
    status = await api.told("/v1/status")
    kind = "postgresql" if api.runtime.database.is_postgres else "sqlite"
    assert (status["version"], status["schema_version"], status["database"]) == (version("leadscore"), head(), kind)
    assert (status["ready"], status["unready_because"]) == (True, None)


async def test_a_process_that_is_not_ready_says_why(web: Api) -> None:
    web.runtime.stopping = True
    status = await web.told("/v1/status")
    assert (status["ready"], status["unready_because"]) == (False, "The server is shutting down.")
    web.runtime.stopping = False
    async with web.runtime.database.write() as connection:
        await connection.execute(text("DELETE FROM alembic_version"))
    status = await web.told("/v1/status")
    assert (status["ready"], status["schema_version"]) == (False, None)
    assert "leadscore migrate" in status["unready_because"]


async def test_the_status_needs_a_key_that_reads(web: Api) -> None:
    assert_problem(await web.client.get("/v1/status"), 401, "invalid-key")
    assert_problem(await web.ask("/v1/status", "write"), 403, "insufficient-scope")
