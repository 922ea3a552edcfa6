"""Problems: every error is a whole problem document, and none repeats what was sent."""

import json
from typing import Any

import pytest

from tests.api.harness import Api, assert_problem, break_schema, track
from tests.services.harness import NOW

MARKER = "ada-the-marker"


async def test_an_unknown_path_is_a_problem(web: Api) -> None:
    assert_problem(await web.client.get(f"/{MARKER}"), 404, "not-found")


async def test_a_wrong_method_is_a_problem_that_names_the_right_one(web: Api) -> None:
    answer = await web.client.put("/v1/leads", headers=web.bearer("read"))
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"
    answer = await web.client.put("/v1/leads/lookup", headers=web.bearer("read"))  # from several routes
    assert answer.headers["allow"] == "DELETE, GET, HEAD, POST"


async def test_a_wrong_method_on_an_ingestion_path_is_answered_in_the_clients_format(web: Api) -> None:
    document = assert_problem(await web.client.get("/v1/track"), 405, "method-not-allowed")
    assert (document["success"], document["code"]) == (False, "method-not-allowed")


async def test_a_crash_response_reveals_no_details(api: Api) -> None:
    await break_schema(api)
    for answer in (
        await api.send("/v1/track", track(MARKER)),
        await api.client.post(
            "/v1/forms/contact", data={"email": f"{MARKER}@example.com", "writeKey": api.keys["write"]}
        ),
    ):
        assert_problem(answer, 500, "internal-error")
        assert MARKER not in answer.text
        assert "events" not in answer.text


BODIES: list[bytes] = [
    b"",
    b"{",
    b'{"a": NaN}',
    b'{"kind": "write", "name": "n", "kind": "read"}',
    b'{"a": "\xff"}',
    b"[" * 100_000,
    b'{"a": ' + b"9" * 5_000 + b"}",
    b"text",
]


@pytest.mark.parametrize(("path", "kind"), [("/v1/leads/lookup", "read"), ("/v1/keys", "admin")])
async def test_a_body_that_is_not_json_is_refused_as_in_ingestion(web: Api, path: str, kind: Any) -> None:
    for body in BODIES:
        answer = await web.client.post(path, content=body, headers=web.bearer(kind))
        assert_problem(answer, 400, "malformed-json")


@pytest.mark.parametrize(("path", "kind"), [("/v1/leads/lookup", "read"), ("/v1/keys", "admin")])
async def test_a_body_that_is_too_long_is_refused_as_in_ingestion(web: Api, path: str, kind: Any) -> None:
    answer = await web.client.post(path, content=b" " * (4 * 1024 * 1024 + 1), headers=web.bearer(kind))
    assert_problem(answer, 413, "content-too-large")


async def test_without_a_key_the_body_is_not_parsed(web: Api) -> None:
    for path in ("/v1/leads/lookup", "/v1/keys"):
        assert_problem(await web.client.post(path, content=b"{"), 401, "invalid-key")


async def test_a_lone_surrogate_is_reported_by_its_place(web: Api) -> None:
    body = b'{"identities": [{"user_id": "\\ud800"}]}'
    answer = await web.client.post("/v1/leads/lookup", content=body, headers=web.bearer("read"))
    assert_problem(answer, 422, "validation-error")


MESSAGES: list[dict[str, Any]] = [
    {"event": MARKER * 20},
    {"event": {MARKER: 1}},
    {"userId": MARKER * 20},
    {"userId": f"{MARKER}\0"},
    {"userId": [MARKER]},
    {"anonymousId": {"id": MARKER}},
    {"type": MARKER},
    {"timestamp": MARKER},
    {"timestamp": f"2026-03-10{MARKER}"},
    {"userId": None, "user_id": MARKER},
    {"properties": MARKER},
    {"properties": {"note": [MARKER, 2**63]}},
    {"properties": {"note": MARKER * 5_000}},
    {"context": MARKER},
    {"context": {"traits": MARKER}},
    {"traits": MARKER, "type": "identify"},
    {"messageId": MARKER * 20},
    {"type": "alias", "previousId": MARKER * 20},
    {"type": "group", "groupId": [MARKER]},
]


async def test_a_refusal_does_not_repeat_the_message(web: Api) -> None:
    answer = await web.batch(*(track(**fields) for fields in MESSAGES))
    assert [item["index"] for item in answer.json()["rejected"]] == list(range(len(MESSAGES)))
    assert MARKER not in answer.text


async def test_a_refusal_does_not_repeat_the_body(web: Api) -> None:
    for body in (f'{{"event": "{MARKER}', f'{{"{MARKER}": 1, "{MARKER}": 2}}', f'{{"batch": "{MARKER}"}}', MARKER):
        answer = await web.post("/v1/batch", body.encode(), Content_Type=f"text/{MARKER}")
        assert answer.status_code == 400
        assert MARKER not in answer.text


async def test_a_refusal_does_not_repeat_the_form(web: Api) -> None:
    key = web.keys["write"]
    for fields in (
        {"userId": MARKER * 20},
        {"_next": f"https://{MARKER}/"},
        {"note": f"{MARKER}\0"},
        {"colour": MARKER},
    ):
        for accept in ("application/json", "text/html"):
            answer = await web.client.post(
                f"/v1/forms/{MARKER}", data={"writeKey": key} | fields, headers={"Accept": accept}
            )
            assert answer.status_code in (400, 422)
            assert MARKER not in answer.text


QUESTIONS = [
    f"/v1/leads?min_score=engagement:{MARKER}",
    f"/v1/leads?source={MARKER}",
    f"/v1/leads?email={MARKER}",
    f"/v1/leads?updated_after={MARKER}",
    f"/v1/leads?sales_ready={MARKER}",
    f"/v1/leads?limit={MARKER}",
    f"/v1/leads?cursor={MARKER}",
    f"/v1/leads/{MARKER}",
    f"/v1/leads/{MARKER}/score?as_of={MARKER}",
    f"/v1/leads/lookup?email={MARKER}",
    f"/v1/leads/lookup?user_id={MARKER}",
    f"/v1/leads/lookup?user_id={MARKER}&email={MARKER}@example.com",
    f"/v1/leads/lookup?anonymous_id={MARKER * 20}",
    f"/v1/rejections?cursor={MARKER}",
]


async def test_a_refusal_does_not_repeat_the_query(web: Api) -> None:
    repeated = [question for question in QUESTIONS if MARKER in (await web.ask(question)).text]
    assert repeated == []


async def test_a_refusal_does_not_repeat_an_unknown_name(web: Api) -> None:
    for question in (f"stage={MARKER}", f"sort={MARKER}", f"min_score={MARKER}:1"):
        answer = await web.ask(f"/v1/leads?{question}")
        assert answer.status_code == 422
        assert MARKER not in answer.text


async def test_a_refusal_does_not_repeat_a_secret(web: Api) -> None:
    for path in ("/v1/leads", f"/v1/track?writeKey={MARKER}", f"/v1/projects/{MARKER}/settings"):
        answer = await web.client.request("POST" if "track" in path else "GET", path, headers={"Authorization": MARKER})
        assert MARKER not in answer.text


async def test_a_refusal_does_not_repeat_a_requested_key(web: Api) -> None:
    for wanted in ({"kind": MARKER, "name": "n"}, {"kind": "write", "name": MARKER * 20}, MARKER, [MARKER]):
        answer = await web.client.post("/v1/keys", content=json.dumps(wanted), headers=web.bearer("admin"))
        assert answer.status_code == 422
        assert MARKER not in answer.text


async def test_an_invalid_field_is_named_by_its_path(web: Api) -> None:
    answer = await web.ask("/v1/leads", limit=0, updated_after=NOW.isoformat()[:10])
    document = assert_problem(answer, 422, "validation-error")
    assert [fault["path"] for fault in document["errors"]] == ["updated_after", "limit"]
    assert all(fault["message"] for fault in document["errors"])
