"""The pages of deliveries: what was sent and how it went, and sending it again after the count was shown."""

import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import pytest

from tests.api.harness import Api, running
from tests.screen.harness import Browser, tags, values
from tests.webhooks.receivers import always, receiving

HOST = "127.0.0.1"
HOSTILE = b"<img src=x onerror=alert(1)>"


@pytest.fixture
async def trusting(sqlite_url: str) -> AsyncIterator[Api]:
    """The application without its workers, which may send to local receivers."""
    async with running(sqlite_url, working=False, webhook_hosts=HOST) as api:
        yield api


@pytest.fixture
async def admin(trusting: Api) -> Browser:
    return await Browser.signed_in(trusting, "admin")


@pytest.fixture
async def webhook_id(trusting: Api) -> AsyncIterator[str]:
    """A webhook that was sent three messages, and answers with markup."""
    async with receiving(always("200 OK", HOSTILE)) as receiver:
        made = await trusting.do("/v1/webhooks", {"url": f"http://{HOST}:{receiver.port}/"})
        webhook_id: str = made.json()["webhook"]["id"]
        for _ in range(3):
            await trusting.do(f"/v1/webhooks/{webhook_id}/test", None)
        yield webhook_id


async def test_deliveries_are_those_of_the_api(trusting: Api, admin: Browser, webhook_id: str) -> None:
    page = await admin.page(f"/ui/ops/deliveries?state=delivered&webhook_id={webhook_id}")
    listed = (await trusting.ask("/v1/deliveries", "admin", state="delivered")).json()["data"]
    assert len(listed) == 3
    assert [each["id"] for each in listed if f'href="../ops/deliveries/{each["id"]}"' not in page] == []
    assert "No deliveries" in await admin.page("/ui/ops/deliveries?state=dead")


async def test_a_state_s_number_is_that_of_the_list_that_it_leads_to(
    trusting: Api, admin: Browser, webhook_id: str
) -> None:
    filters = {"webhook_id": webhook_id, "type": "webhook.test", "lead_id": str(UUID(int=0))}
    for names in ((), ("type",), ("type", "lead_id"), ("webhook_id", "lead_id")):
        page = await admin.page(f"/ui/ops/deliveries?{urlencode({name: filters[name] for name in names})}")
        tabs = page.partition('aria-label="By state"')[2].partition("</nav>")[0]
        for href, count in re.findall(r'<a href="([^"]*)">\w+ <span class="num">(\d+)<', tabs):
            found = parse_qs(urlsplit(unescape(href)).query)
            assert len((await trusting.ask("/v1/deliveries", "admin", **found)).json()["data"]) == int(count)
        hidden = [each["name"] for tag, each in tags(page) if tag == "input" and each.get("type") == "hidden"]
        assert set(hidden) >= set(names) - {"webhook_id"}


async def test_a_delivery_shows_what_the_receiver_answered_as_text(
    trusting: Api, admin: Browser, webhook_id: str
) -> None:
    delivery = (await trusting.ask("/v1/deliveries", "admin")).json()["data"][0]
    page = await admin.page(f"/ui/ops/deliveries/{delivery['id']}")
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page
    assert delivery["message_id"] in page


async def test_matching_deliveries_are_counted_and_then_sent_again(
    trusting: Api, admin: Browser, webhook_id: str
) -> None:
    [path] = [
        each for each in values(await admin.page("/ui/ops/deliveries?state=delivered"), "href") if "replay" in each
    ]
    assert "Send 3 deliveries again?" in await admin.page(f"/ui/{path.removeprefix('../')}")
    await admin.post("/ui/ops/deliveries/replay", state="delivered", webhook_id=webhook_id, type="", lead_id="")
    pending = (await trusting.ask("/v1/deliveries", "admin", state="pending")).json()["data"]
    assert len(pending) == 3


async def test_one_delivery_is_sent_again(trusting: Api, admin: Browser, webhook_id: str) -> None:
    first = (await trusting.ask("/v1/deliveries", "admin")).json()["data"][0]
    assert (await admin.post(f"/ui/ops/deliveries/{first['id']}/replay")).status_code == 303
    assert "Pending" in await admin.page(f"/ui/ops/deliveries/{first['id']}")
