"""Keys at work: where a request may carry one, and what each kind may do."""

import base64
import json
from typing import Any

import pytest
from httpx import Response

from app.storage.keys import KEY_KINDS, KeyKind
from tests.api.harness import PAGE, Api, accepted, assert_problem, track

READ_PATHS = ["/v1/leads", "/v1/leads/lookup?user_id=u1", "/v1/rejections"]


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def post(api: Api, path: str, document: Any, **headers: str) -> Response:
    """Without any key but those that the arguments hold."""
    return await api.client.post(path, content=json.dumps(document), headers=headers)


async def test_a_key_is_read_from_the_basic_user(api: Api) -> None:
    assert accepted(await post(api, "/v1/track", track(), Authorization=basic(api.keys["write"]))) == (1, 0)


async def test_a_key_is_read_from_a_bearer_token(api: Api) -> None:
    assert accepted(await post(api, "/v1/track", track(), Authorization=f"bearer {api.keys['write']}")) == (1, 0)


async def test_a_basic_password_is_ignored(web: Api) -> None:
    assert accepted(await post(web, "/v1/track", track(), Authorization=basic(web.keys["write"], "x"))) == (1, 0)


async def test_a_write_key_is_read_from_the_message(web: Api) -> None:
    assert accepted(await post(web, "/v1/track", track(writeKey=web.keys["write"]))) == (1, 0)


async def test_a_write_key_is_read_from_the_batch(web: Api) -> None:
    assert accepted(await post(web, "/v1/batch", {"batch": [track()], "writeKey": web.keys["write"]})) == (1, 0)


async def test_a_write_key_is_read_from_the_query(web: Api) -> None:
    path = f"/beacon/v1/batch?writeKey={web.keys['write']}"
    assert accepted(await post(web, path, {"batch": [track()]})) == (1, 0)


async def test_with_an_empty_basic_user_the_key_is_read_from_the_body(web: Api) -> None:
    document = track(writeKey=web.keys["write"])
    assert accepted(await post(web, "/v1/track", document, Authorization=basic(""))) == (1, 0)


SECRET: tuple[KeyKind, ...] = ("server", "read", "admin")


async def test_a_secret_key_is_refused_in_the_query(web: Api) -> None:
    for kind in SECRET:
        answer = await post(web, f"/v1/track?writeKey={web.keys[kind]}", track())
        assert_problem(answer, 403, "insufficient-scope")


async def test_a_secret_key_is_refused_in_the_body(web: Api) -> None:
    for kind in SECRET:
        assert_problem(await post(web, "/v1/track", track(writeKey=web.keys[kind])), 403, "insufficient-scope")


async def test_a_read_key_can_not_ingest(web: Api) -> None:
    for key in (web.keys["read"], web.keys["admin"]):
        assert_problem(await web.send("/v1/track", track(), key=key), 403, "insufficient-scope")


async def test_an_ingestion_key_can_not_read(web: Api) -> None:
    for path in READ_PATHS:
        assert_problem(await web.ask(path, "write"), 403, "insufficient-scope")
        problem = assert_problem(await web.ask(path, "server"), 403, "insufficient-scope")
        assert problem["detail"].startswith("A key of kind server can't do this: use a key of kind read or admin")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", ""), ("DELETE", "/01a20046-d29c-70d3-8b90-74ffe558f263")]
)
async def test_only_an_admin_key_manages_keys(web: Api, method: str, path: str) -> None:
    for kind in set(KEY_KINDS) - {"admin"}:
        wanted = {"kind": "read", "name": "crm"}
        answer = await web.client.request(method, f"/v1/keys{path}", headers=web.bearer(kind), json=wanted)
        assert_problem(answer, 403, "insufficient-scope")


async def test_an_admin_key_can_read(web: Api) -> None:
    assert (await web.ask("/v1/leads", "admin")).status_code == 200


async def test_a_key_in_the_query_or_a_cookie_can_not_read(web: Api) -> None:
    key = web.keys["admin"]
    for path in ("/v1/leads", "/v1/keys", "/v1/rejections"):
        answer = await web.client.get(f"{path}?writeKey={key}&key={key}", headers={"Cookie": f"writeKey={key}"})
        assert_problem(answer, 401, "invalid-key")


UNUSABLE = [
    "",
    "Basic",
    "Basic !!!",
    "Basic /////w==",
    "Bearer",
    "Bearer ls_write_unknown",
    "Digest username=x",
    basic("unknown"),
    "Bearer \xe9",
]


async def test_every_unusable_key_gets_the_same_answer(web: Api) -> None:
    bodies = {
        (await web.client.get("/v1/leads", headers={b"Authorization": told.encode("latin-1")})).content
        for told in UNUSABLE
    }
    bodies.add((await web.client.get("/v1/leads")).content)
    assert len(bodies) == 1
    assert json.loads(bodies.pop())["type"].endswith(":invalid-key")


async def test_a_401_triggers_no_browser_password_prompt(web: Api) -> None:
    for path in ("/v1/leads", "/v1/keys"):
        answer = await web.client.get(path)
        assert_problem(answer, 401, "invalid-key")
        assert answer.headers["www-authenticate"] == 'Bearer realm="leadscore"'


async def test_a_401_on_ingestion_can_be_read_by_the_calling_page(web: Api) -> None:
    answer = await post(web, "/v1/track", track(), Origin=PAGE)
    assert_problem(answer, 401, "invalid-key")
    assert answer.headers["access-control-allow-origin"] == PAGE


async def test_a_revoked_key_is_treated_as_unknown(api: Api) -> None:
    made = (await api.client.post("/v1/keys", headers=api.bearer("admin"), json={"kind": "write", "name": "w"})).json()
    accepted(await api.send("/v1/track", track(), key=made["secret"]))
    await api.client.delete(f"/v1/keys/{made['key']['id']}", headers=api.bearer("admin"))
    revoked = await api.send("/v1/track", track(), key=made["secret"])
    unknown = await api.send("/v1/track", track(), key="unknown")
    assert_problem(revoked, 401, "invalid-key")
    assert revoked.content == unknown.content


async def test_a_key_works_on_the_pages_it_lists(web: Api) -> None:
    key = await web.new_key("write", origins=[PAGE])
    assert accepted(await web.send("/v1/track", track(), key=key, Origin=PAGE.upper().replace("HTTPS", "https"))) == (
        1,
        0,
    )


@pytest.mark.parametrize(
    ("listed", "origin"),
    [
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://*.shop.example", "https://www.shop.example"),
        ("https://*.shop.example", "https://a.b.shop.example"),
        ("https://*.münchen.example", "https://www.xn--mnchen-3ya.example"),
        (" https://www.example.com/ ", "https://www.example.com"),
        ("HTTPS://WWW.EXAMPLE.COM:443", "https://www.example.com"),
        ("http://localhost:3000/", "http://localhost:3000"),
    ],
)
async def test_a_key_works_on_listed_origins_as_browsers_normalise_them(api: Api, listed: str, origin: str) -> None:
    wanted = {"kind": "write", "name": "w", "origins": [listed]}
    made = (await api.client.post("/v1/keys", headers=api.bearer("admin"), json=wanted)).json()
    assert accepted(await api.send("/v1/track", track(), key=made["secret"], Origin=origin)) == (1, 0)


@pytest.mark.parametrize("stored", ["https://MÜNCHEN.example", "https://xn--mnchen-3ya.example:443"])
async def test_a_key_created_before_origins_were_normalised_still_works(web: Api, stored: str) -> None:
    key = await web.new_key("write", origins=["https://*", stored])
    answer = await web.send("/v1/track", track(), key=key, Origin="https://xn--mnchen-3ya.example")
    assert accepted(answer) == (1, 0)


async def test_a_key_is_refused_on_a_page_it_does_not_list(web: Api) -> None:
    key = await web.new_key("write", origins=[PAGE])
    for origin in ("https://elsewhere.example", f"{PAGE}.elsewhere.example", PAGE.replace("https", "http"), "null", ""):
        answer = await web.send("/v1/track", track(), key=key, Origin=origin)
        assert_problem(answer, 403, "origin-not-allowed")


async def test_a_key_with_origins_works_for_programs_without_an_origin(web: Api) -> None:
    key = await web.new_key("write", origins=[PAGE])
    assert accepted(await web.send("/v1/track", track(), key=key)) == (1, 0)


async def test_a_key_may_send_only_the_events_it_lists(api: Api) -> None:
    key = await api.new_key("write", events=["Page Viewed", "Form Submitted"])
    answer = await api.batch({"type": "page", "userId": "u1"}, track("Order Completed"), key=key)
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
    assert [(item["index"], item["code"]) for item in answer.json()["rejected"]] == [(1, "event-not-allowed")]
    assert [event["name"] for event in await api.events(user_id="u1")] == ["Page Viewed"]


async def test_a_listed_event_matches_every_spelling(web: Api) -> None:
    key = await web.new_key("write", events=["Form Submitted"])
    assert accepted(await web.send("/v1/track", track("form_submitted"), key=key)) == (1, 0)


@pytest.mark.parametrize(("kind", "trusted"), [("write", False), ("server", True)])
async def test_only_a_server_key_is_trusted_about_orders(api: Api, kind: KeyKind, trusted: bool) -> None:
    await api.send("/v1/track", track("Order Completed"), key=api.keys[kind])
    assert ((await api.lead(user_id="u1"))["stage"] == "customer") is trusted
