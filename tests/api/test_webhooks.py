"""Webhooks over HTTP: created, changed, tested, rotated; their deliveries listed and replayed."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from httpx import Response
from standardwebhooks import Webhook

from tests.api.harness import Api, assert_problem, running, track
from tests.services.harness import Clock
from tests.webhooks.receivers import Receiver, always, receiving

HOST = "127.0.0.1"
DOCUMENT = {
    "id",
    "url",
    "description",
    "types",
    "to",
    "direction",
    "score",
    "thin",
    "enabled",
    "position",
    "created_at",
}
DOCUMENT |= {"old_secret_until", "failing_since", "disabled_at", "disabled_because"}
DEFAULTS = {"description": None, "to": None, "direction": None, "score": None, "thin": False, "enabled": True}
PUBLIC_URL = "https://8.8.8.8/hook"


@pytest.fixture
async def trusting(database_url: str) -> AsyncIterator[Api]:
    """The application without its workers, which may send to local receivers."""
    async with running(database_url, working=False, webhook_hosts=HOST) as api:
        yield api


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(always("200 OK", b"thanks")) as receiver:
        yield receiver


async def create(api: Api, **wanted: Any) -> Any:
    answer = await api.do("/v1/webhooks", {"url": PUBLIC_URL} | wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def patch(api: Api, webhook_id: str, **changed: Any) -> Response:
    return await api.client.patch(f"/v1/webhooks/{webhook_id}", json=changed, headers=api.bearer("admin"))


async def told(api: Api, path: str, **params: Any) -> Any:
    answer = await api.ask(path, "admin", **params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_webhook_is_created_with_a_secret_that_is_shown_once(still: Api) -> None:
    made = await create(still, description=" CRM ")
    webhook = made["webhook"]
    assert set(webhook) == DOCUMENT
    assert {name: webhook[name] for name in DEFAULTS} == DEFAULTS | {"description": "CRM"}
    assert webhook["types"] == ["lead.erased", "lead.merged", "lead.split", "lead.stage_changed", "model.published"]
    assert made["secret"].startswith("whsec_")
    answer = await still.ask("/v1/webhooks", "admin")
    assert answer.json() == {"data": [webhook], "next_cursor": None}
    assert await told(still, f"/v1/webhooks/{webhook['id']}") == webhook
    assert made["secret"] not in answer.text


async def test_a_filter_reads_as_it_was_written(still: Api) -> None:
    wanted = {
        "types": ["lead.score_changed", "lead.stage_changed"],
        "to": ["mql", "sql"],
        "direction": "up",
        "score": {"name": "engagement", "at_least": None, "band": "hot"},
        "thin": True,
    }
    webhook = (await create(still, **wanted))["webhook"]
    assert {name: webhook[name] for name in wanted} == wanted


async def test_a_change_leaves_the_rest_as_it_was(still: Api) -> None:
    webhook = (await create(still, to=["sql"], description="CRM"))["webhook"]
    changed = await patch(still, webhook["id"], to=None, url="https://1.1.1.1/")
    assert changed.json() == webhook | {"to": None, "url": "https://1.1.1.1/"}
    assert await told(still, f"/v1/webhooks/{webhook['id']}") == changed.json()
    assert (await patch(still, webhook["id"], url=None)).json() == changed.json()


async def test_a_webhook_is_disabled_and_enabled(still: Api) -> None:
    webhook = (await create(still))["webhook"]
    off = (await patch(still, webhook["id"], enabled=False)).json()
    assert (off["enabled"], off["disabled_because"]) == (False, "It was disabled by hand.")
    assert (await patch(still, webhook["id"], enabled=True)).json() == webhook


async def test_a_deleted_webhook_is_gone(still: Api) -> None:
    path = f"/v1/webhooks/{(await create(still))['webhook']['id']}"
    assert (await still.client.delete(path, headers=still.bearer("admin"))).status_code == 204
    assert_problem(await still.ask(path, "admin"), 404, "not-found")


async def test_after_a_rotation_both_secrets_verify_for_a_while(trusting: Api, receiver: Receiver) -> None:
    url = f"http://{HOST}:{receiver.port}/"
    trusting.clock.now = Clock().now
    made = await create(trusting, url=url)
    path = f"/v1/webhooks/{made['webhook']['id']}"
    rotated = (await trusting.do(f"{path}/rotate", {"overlap_hours": 1})).json()
    assert rotated["webhook"]["old_secret_until"] == "2026-03-10T13:00:00Z"
    await trusting.do(f"{path}/test", None)
    assert signed_by(receiver.requests[-1]) == 2
    trusting.clock.now = trusting.clock.now.replace(hour=13)
    await trusting.do(f"{path}/test", None)
    assert signed_by(receiver.requests[-1]) == 1
    assert (await trusting.do(f"{path}/rotate", {"overlap_hours": 0})).json()["webhook"]["old_secret_until"] is None
    assert Webhook(rotated["secret"]) != Webhook(made["secret"])


def signed_by(request: bytes) -> int:
    """How many signatures a request has."""
    return request.count(b"v1,")


async def test_a_test_shows_how_it_went(trusting: Api, receiver: Receiver) -> None:
    webhook = (await create(trusting, url=f"http://{HOST}:{receiver.port}/"))["webhook"]
    sent = (await trusting.do(f"/v1/webhooks/{webhook['id']}/test", None)).json()
    assert (sent["type"], sent["state"], sent["status"], sent["answer"]) == ("webhook.test", "delivered", 200, "thanks")
    assert await told(trusting, f"/v1/deliveries/{sent['id']}") == sent


async def test_filters_of_deliveries_that_can_find_nothing_are_refused(web: Api) -> None:
    misspelt = [
        await web.ask("/v1/deliveries", "admin", type="lead.stage-changed"),
        await web.do("/v1/deliveries/replay", {"type": "lead.stage-changed", "dry_run": True}),
    ]
    for answer in misspelt:
        assert "'lead.stage_changed'" in assert_problem(answer, 422, "validation-error")["detail"]
    span = {"created_after": "2026-03-11T00:00:00Z", "created_before": "2026-03-10T00:00:00Z"}
    assert_problem(await web.do("/v1/deliveries/replay", span), 422, "validation-error")
    assert (await web.ask("/v1/deliveries", "admin", type="webhook.test")).status_code == 200


async def test_deliveries_are_listed_and_replayed(trusting: Api, receiver: Receiver) -> None:
    webhook = (await create(trusting, url=f"http://{HOST}:{receiver.port}/"))["webhook"]
    for _ in range(3):
        await trusting.do(f"/v1/webhooks/{webhook['id']}/test", None)
    first = await told(trusting, "/v1/deliveries", webhook_id=webhook["id"], limit=2, state="delivered")
    rest = await told(
        trusting, "/v1/deliveries", webhook_id=webhook["id"], limit=2, state="delivered", cursor=first["next_cursor"]
    )
    assert (len(first["data"]), len(rest["data"]), rest["next_cursor"]) == (2, 1, None)
    wanted = {"webhook_id": webhook["id"], "state": None, "type": "webhook.test"}
    counted = await trusting.do("/v1/deliveries/replay", wanted | {"dry_run": True})
    assert counted.json() == {"count": 3, "replayed": False}
    assert (await trusting.do("/v1/deliveries/replay", wanted)).json() == {"count": 3, "replayed": True}
    assert (await trusting.do("/v1/deliveries/replay", {})).json() == {"count": 0, "replayed": True}
    one = (await trusting.do(f"/v1/deliveries/{rest['data'][0]['id']}/replay", None)).json()
    assert (one["state"], one["attempts"]) == ("pending", 0)


WRONG: list[dict[str, Any]] = [
    {"types": ["lead.merged"], "direction": "up"},
    {"url": "hooks.example.com"},
    {"url": "ftp://8.8.8.8/"},
    {"url": "https://8.8.8.8/" + "x" * 2_000},
    {"types": []},
    {"types": ["lead.unknown"]},
    {"to": []},
    {"to": ["unknown"]},
    {"to": ["a\0b"]},
    {"direction": "sideways"},
    {"score": {"name": "engagement"}},
    {"score": {"name": "engagement", "at_least": 1, "band": "hot"}},
    {"types": ["lead.score_changed"], "score": {"name": "unknown", "at_least": 1}},
    {"types": ["lead.score_changed"], "score": {"name": "engagement", "band": "unknown"}},
    {"types": ["lead.created"], "to": ["sql"]},
    {"types": ["lead.stage_changed"], "score": {"name": "engagement", "at_least": 1}},
    {"description": "a\0b"},
    {"after": -1},
    {"after": "soon"},
    {"enabled": True},
    {"secret": "mine"},
]


async def test_an_invalid_webhook_is_refused(still: Api) -> None:
    webhook = (await create(still))["webhook"]
    for wanted in WRONG:
        assert_problem(await still.do("/v1/webhooks", {"url": PUBLIC_URL} | wanted), 422, "validation-error")
        if wanted.keys() not in ({"enabled"}, {"url"}):
            assert_problem(await patch(still, webhook["id"], **wanted), 422, "validation-error")
    assert (await told(still, "/v1/webhooks"))["data"] == [webhook]


@pytest.mark.parametrize(
    "url",
    [
        "http://8.8.8.8/",
        "https://user:secret@8.8.8.8/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
    ],
)
async def test_an_unsafe_url_is_refused(web: Api, url: str) -> None:
    answer = await web.do("/v1/webhooks", {"url": url})
    assert_problem(answer, 422, "unsafe-url")
    webhook = (await create(web))["webhook"]
    assert_problem(await patch(web, webhook["id"], url=url), 422, "unsafe-url")


async def test_a_wrong_position_is_one_fault(web: Api) -> None:
    for wrong in (-1, 2**63, "first"):
        answer = await web.do("/v1/webhooks", {"url": PUBLIC_URL, "after": wrong})
        [fault] = assert_problem(answer, 422, "validation-error")["errors"]
        assert (fault["path"], fault["message"].partition(",")[0]) == ("after", "must be a position in the feed")


async def test_what_is_not_there_is_not_found(still: Api) -> None:
    nobody = uuid4()
    for path in ("webhooks/{}", "deliveries/{}"):
        assert_problem(await still.ask(f"/v1/{path.format(nobody)}", "admin"), 404, "not-found")
    for path in ("webhooks/{}/test", "webhooks/{}/rotate", "deliveries/{}/replay"):
        assert_problem(await still.do(f"/v1/{path.format(nobody)}", None), 404, "not-found")
    assert_problem(await patch(still, str(nobody), thin=True), 404, "not-found")


async def test_webhooks_are_for_admins(web: Api) -> None:
    for path in ("/v1/webhooks", "/v1/deliveries"):
        assert_problem(await web.ask(path, "read"), 403, "insufficient-scope")


async def test_a_change_of_stage_arrives_by_itself(database_url: str, receiver: Receiver) -> None:
    """With the worker, and the receiver waits for it."""
    arrived = receiver.next_request()
    async with running(database_url, webhook_hosts=HOST) as api:
        await create(api, url=f"http://{HOST}:{receiver.port}/")
        await api.batch(track("Demo Requested"))
        assert b'"lead.stage_changed"' in await arrived
