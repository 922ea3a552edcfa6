"""Exports: everything that is stored of a person, and nothing of anybody else."""

import json
from typing import Any
from uuid import uuid4

from tests.api.harness import Api, assert_problem, page_view, running, track


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


async def test_only_admins_may_export_and_only_what_is_there(web: Api) -> None:
    assert_problem(await web.ask(f"/v1/leads/{uuid4()}/export", "admin"), 404, "not-found")
    assert_problem(await web.ask(f"/v1/leads/{uuid4()}/export", "read"), 403, "insufficient-scope")
