"""Exports: everything that is stored of a person, and nothing of anybody else."""

import json
from typing import Any
from uuid import uuid4

from tests.api.harness import Api, assert_problem, page_view, running, track
from tests.protocol.test_bots import CRAWLERS


async def export(api: Api, lead_id: str) -> list[dict[str, Any]]:
    answer = await api.ask(f"/v1/leads/{lead_id}/export", "admin")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


def of_kind(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] == kind]


async def test_an_export_has_everything_of_a_person(database_url: str) -> None:
    async with running(database_url, working=False) as api:
        await api.batch(page_view(), track(), track(userId="u2"))
        retired = (await api.lead(anonymous_id="a1"))["id"]
        await api.batch(track(anonymousId="a1", traits={"city": "Ulm"}), {"type": "track", "userId": "u1"})
        lead = await api.lead(user_id="u1")
        lines = await export(api, retired)
        assert {key: lines[0][key] for key in ("kind", "id", "traits")} == {
            "kind": "lead",
            "id": lead["id"],
            "traits": lead["traits"],
        }
        links = [(line["identity"], line["lead_id"], line["until"] is None) for line in of_kind(lines, "identity")]
        assert sorted(links, key=str) == sorted(
            [
                ({"anonymous_id": "a1"}, retired, False),
                ({"anonymous_id": "a1"}, lead["id"], True),
                ({"user_id": "u1"}, lead["id"], True),
            ],
            key=str,
        )
        assert {line["message_id"] for line in of_kind(lines, "event")} == {
            each["message_id"] for each in await api.events(user_id="u1")
        }
        assert len(of_kind(lines, "transition")) == len((await api.told(f"/v1/leads/{lead['id']}/transitions"))["data"])
        assert [line["code"] for line in of_kind(lines, "rejection")] == ["validation-error"]
        assert [line["stage"] for line in of_kind(lines, "score")] == [lead["stage"]]
        assert lines[-1] == {"kind": "end"}
        assert "u2" not in json.dumps(lines)


async def test_long_lists_are_complete_and_in_order(database_url: str) -> None:
    async with running(database_url, working=False) as api:
        await api.batch(*(track() for _ in range(1_203)))
        lines = await export(api, (await api.lead(user_id="u1"))["id"])
        events = of_kind(lines, "event")
        assert (len(events), len({each["id"] for each in events})) == (1_203, 1_203)


async def test_deliveries_are_part_of_it(database_url: str) -> None:
    async with running(database_url, working=False, webhook_hosts=["localhost"]) as api:
        answer = await api.do("/v1/webhooks", {"url": "http://localhost:9/hook"})
        assert answer.status_code == 201, answer.text
        await api.batch(track())
        for webhook_id in await api.runtime.deliveries.due():
            await api.runtime.feed.number()
            await api.runtime.deliveries.take_turn(webhook_id, [], lambda *_: "body")
        lead = await api.lead(user_id="u1")
        lines = await export(api, lead["id"])
        assert [(line["type"], line["body"]) for line in of_kind(lines, "delivery")] == [("lead.stage_changed", "body")]


async def caught(api: Api, *messages: dict[str, Any]) -> None:
    """Messages that a crawler sent in one request, whose context only the request has."""
    body = {"batch": list(messages), "context": {"ip": "192.0.2.7"}}
    answer = await api.send("/v1/batch", body, Content_Type="application/json", User_Agent=CRAWLERS[0])
    assert answer.status_code == 200, answer.text


async def test_somebody_whose_messages_were_all_quarantined_is_exported_by_an_identity(web: Api) -> None:
    await caught(web, track(anonymousId="a1"), track(), track(userId="u2"))
    answer = await web.ask("/v1/leads/lookup/export", "admin", user_id="u1")
    *lines, end = map(json.loads, answer.text.splitlines())
    assert [(line["kind"], line["code"]) for line in lines] == [("rejection", "crawler")] * 2
    assert [json.loads(line["event"])["context"]["ip"] for line in lines] == ["192.0.2.7"] * 2
    assert (end, "u2" in answer.text) == ({"kind": "end"}, False)
    assert (await web.client.delete("/v1/leads/lookup?user_id=u1", headers=web.bearer("admin"))).status_code == 204
    gone = assert_problem(await web.ask("/v1/leads/lookup/export", "admin", user_id="u1"), 404, "not-found")
    assert "Look for another identity of the same person." in gone["detail"]


async def test_a_lead_is_exported_by_an_identity_with_what_is_quarantined(web: Api) -> None:
    await web.batch(track(), {"type": "track", "userId": "u1"})
    await caught(web, track())
    answer = await web.ask("/v1/leads/lookup/export", "admin", user_id="u1")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["event"] is None for line in of_kind(lines, "rejection")] == [False, True]
    assert lines == await export(web, lines[0]["id"])


async def test_only_admins_may_export_and_only_what_is_there(web: Api) -> None:
    assert_problem(await web.ask(f"/v1/leads/{uuid4()}/export", "admin"), 404, "not-found")
    for path in (f"/v1/leads/{uuid4()}/export", "/v1/leads/lookup/export?user_id=u1"):
        assert_problem(await web.ask(path, "read"), 403, "insufficient-scope")
