"""Keys over HTTP: made and shown once, listed without their secret, rotated, revoked, and asked what they may do."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from httpx import Response

from tests.api.harness import PAGE, Api, accepted, assert_problem, running, track

DOCUMENT = {"id", "kind", "name", "hint", "origins", "events", "map", "created_at", "revoked_at"}
DOCUMENT |= {"expires_at", "last_used_at", "old_secret_until"}


async def create(api: Api, **wanted: Any) -> Response:
    return await api.client.post("/v1/keys", headers=api.bearer("admin"), json=wanted)


async def listed(api: Api) -> list[Any]:
    answer = await api.ask("/v1/keys", "admin")
    assert set(answer.json()) == {"data", "next_cursor"}
    data: list[Any] = answer.json()["data"]
    return data


async def test_a_created_key_works_immediately_and_is_shown_once(api: Api) -> None:
    answer = await create(api, kind="write", name=" website ", origins=[PAGE], events=["Signed Up"])
    assert answer.status_code == 201
    secret, key = answer.json()["secret"], answer.json()["key"]
    assert set(answer.json()) == {"secret", "key"}
    assert set(key) == DOCUMENT
    assert (key["kind"], key["name"], key["origins"], key["events"]) == ("write", "website", [PAGE], ["Signed Up"])
    assert secret.startswith(key["hint"])
    assert len(key["hint"]) < 20
    assert accepted(await api.send("/v1/track", track("Signed Up"), key=secret)) == (1, 0)
    assert key in await listed(api)
    assert secret not in (await api.ask("/v1/keys", "admin")).text


async def test_every_kind_of_key_can_be_created(web: Api) -> None:
    for kind in ("write", "server", "read", "admin"):
        key = (await create(web, kind=kind, name="n")).json()
        assert key["secret"].startswith(f"ls_{kind}_")
        assert (key["key"]["origins"], key["key"]["events"]) == (None, None)


async def test_a_key_has_a_map_from_form_fields_to_traits(api: Api) -> None:
    for kind in ("write", "server"):
        answer = await create(
            api, kind=kind, name="site", map={" Ihre Firma ": " company ", "Gr\u00f6\u00dfe": "company_size"}
        )
        key = answer.json()["key"]
        assert key["map"] == {"Ihre Firma": "company", "Gr\u00f6\u00dfe": "company_size"}
        assert key in await listed(api)


async def test_a_key_maps_nothing_by_default(web: Api) -> None:
    assert (await create(web, kind="write", name="n")).json()["key"]["map"] is None


async def test_a_revoked_key_stays_listed_with_its_revocation_time(api: Api) -> None:
    made = (await create(api, kind="read", name="crm")).json()["key"]
    answer = await api.client.delete(f"/v1/keys/{made['id']}", headers=api.bearer("admin"))
    assert (answer.status_code, answer.content) == (204, b"")
    [key] = [key for key in await listed(api) if key["id"] == made["id"]]
    assert key == made | {"revoked_at": "2026-03-10T12:00:00Z"}


async def test_a_key_may_be_revoked_again(web: Api) -> None:
    made = (await create(web, kind="read", name="crm")).json()["key"]
    for _ in range(2):
        assert (await web.client.delete(f"/v1/keys/{made['id']}", headers=web.bearer("admin"))).status_code == 204


async def test_revoking_an_unknown_key_is_refused(api: Api) -> None:
    answer = await api.client.delete(f"/v1/keys/{uuid4()}", headers=api.bearer("admin"))
    assert_problem(answer, 404, "not-found")
    answer = await api.client.delete("/v1/keys/marker", headers=api.bearer("admin"))
    assert_problem(answer, 422, "validation-error")


async def me(api: Api, secret: str) -> Response:
    return await api.client.get("/v1/me", headers={"Authorization": f"Bearer {secret}"})


async def test_each_kind_of_key_can_ask_what_it_may_do(api: Api) -> None:
    for kind, may in {
        "write": ["send_events"],
        "server": ["send_events", "send_trusted_events"],
        "read": ["read"],
        "admin": ["read", "manage"],
    }.items():
        made = (await create(api, kind=kind, name="n", expires_at="2026-04-01T00:00:00+02:00")).json()
        answer = await me(api, made["secret"])
        assert answer.status_code == 200
        same = {name: made["key"][name] for name in ("id", "kind", "name", "origins", "events")}
        assert answer.json() == same | {"may": may, "expires_at": "2026-03-31T22:00:00Z"}


async def test_expired_revoked_and_unknown_keys_get_the_same_answer(api: Api) -> None:
    expired = (await create(api, kind="read", name="n", expires_at="2026-03-10T12:00:01Z")).json()
    revoked = (await create(api, kind="read", name="n")).json()
    await api.client.delete(f"/v1/keys/{revoked['key']['id']}", headers=api.bearer("admin"))
    api.clock.now += timedelta(seconds=1)
    answers = [await me(api, secret) for secret in (expired["secret"], revoked["secret"], "ls_read_x")]
    assert_problem(answers[0], 401, "invalid-key")
    assert len({answer.text for answer in answers}) == 1


async def test_a_key_is_rotated_with_a_day_of_overlap_unless_asked_otherwise(api: Api) -> None:
    old = (await create(api, kind="read", name="crm")).json()
    path = f"/v1/keys/{old['key']['id']}/rotate"
    new = (await api.do(path, {})).json()
    assert new["key"] == old["key"] | {"hint": new["key"]["hint"], "old_secret_until": "2026-03-11T12:00:00Z"}
    assert (await me(api, old["secret"])).json()["expires_at"] == "2026-03-11T12:00:00Z"
    newest = (await api.do(path, {"overlap_hours": 0})).json()
    answers = [await me(api, each["secret"]) for each in (old, new, newest)]
    assert [answer.status_code for answer in answers] == [401, 401, 200]


async def test_a_rotation_that_makes_no_sense_is_refused(web: Api) -> None:
    made = (await create(web, kind="read", name="crm")).json()["key"]
    path = f"/v1/keys/{made['id']}/rotate"
    for wrong in ({"overlap_hours": -1}, {"overlap_hours": 721}, {"overlap_days": 1}):
        assert_problem(await web.do(path, wrong), 422, "validation-error")
    assert_problem(await web.do(path, {}, "read"), 403, "insufficient-scope")
    await web.client.delete(f"/v1/keys/{made['id']}", headers=web.bearer("admin"))
    assert_problem(await web.do(path, {}), 422, "validation-error")
    assert_problem(await web.do(f"/v1/keys/{uuid4()}/rotate", {}), 404, "not-found")


async def test_a_stopping_server_stores_when_keys_were_last_used(database_url: str) -> None:
    async with running(database_url) as api:
        used = (await create(api, kind="read", name="crm")).json()
        assert (await me(api, used["secret"])).status_code == 200
    async with running(database_url) as api:
        [key] = [key for key in await listed(api) if key["name"] == "crm"]
        assert key == used["key"] | {"last_used_at": "2026-03-10T12:00:00Z"}


async def test_keys_of_the_settings_work_from_the_start_and_are_not_logged(sqlite_url: str, logs: list[Any]) -> None:
    secret = "0123456789abcdef" * 2
    for _ in range(2):
        async with running(sqlite_url, bootstrap_keys=f"read:crm:{secret}") as api:
            assert (await me(api, secret)).json()["name"] == "crm"
    assert [line["keys"] for line in logs if line["event"] == "keys created"] == [1]
    assert secret not in f"{logs} {api.runtime.settings}"


WRONG: list[dict[str, Any]] = [
    {},
    {"kind": "write"},
    {"kind": "root", "name": "n"},
    {"kind": "write", "name": " "},
    {"kind": "write", "name": "n" * 101},
    {"kind": "write", "name": "a\0b"},
    {"kind": "write", "name": "n", "more": 1},
    {"kind": "write", "name": "n", "origins": []},
    {"kind": "write", "name": "n", "origins": ["www.example.com"]},
    {"kind": "write", "name": "n", "origins": [f"{PAGE}/path"]},
    {"kind": "write", "name": "n", "origins": ["https://a\0b"]},
    {"kind": "write", "name": "n", "origins": ["null"]},
    {"kind": "write", "name": "n", "origins": ["*"]},
    {"kind": "write", "name": "n", "origins": ["https://*"]},
    {"kind": "write", "name": "n", "origins": ["https://www.*.example"]},
    {"kind": "write", "name": "n", "origins": ["https://*.127.0.0.1"]},
    {"kind": "write", "name": "n", "origins": [" "]},
    {"kind": "write", "name": "n", "origins": ["https://www.exa mple.com"]},
    {"kind": "write", "name": "n", "origins": ["https://user@www.example.com"]},
    {"kind": "write", "name": "n", "origins": ["chrome-extension://abcdefgh"]},
    {"kind": "write", "name": "n", "events": ["a\0b"]},
    {"kind": "read", "name": "n", "expires_at": "2026-03-10T12:00:00Z"},
    {"kind": "read", "name": "n", "expires_at": "2026-04-10T12:00:00"},
    {"kind": "read", "name": "n", "expires_at": "never"},
    {"kind": "read", "name": "n", "origins": [PAGE]},
    {"kind": "server", "name": "n", "events": ["Signed Up"]},
    {"kind": "read", "name": "n", "map": {"Firma": "company"}},
    {"kind": "admin", "name": "n", "map": {"Firma": "company"}},
    {"kind": "write", "name": "n", "map": {}},
    {"kind": "write", "name": "n", "map": ["Firma"]},
    {"kind": "write", "name": "n", "map": {"Firma": ""}},
    {"kind": "write", "name": "n", "map": {" ": "company"}},
    {"kind": "write", "name": "n", "map": {"Firma": 1}},
    {"kind": "write", "name": "n", "map": {"Firma": "a\0b"}},
    {"kind": "write", "name": "n", "map": {"a\0b": "company"}},
    {"kind": "write", "name": "n", "map": {"Firma": "company", "FIRMA ": "employer"}},
    {"kind": "write", "name": "n", "map": {"Firma": "company", "FIRMA": "company"}},
    {"kind": "write", "name": "n", "map": {"_next": "company"}},
    {"kind": "write", "name": "n", "map": {"Passwort": "secret"}},
]


async def test_an_invalid_key_is_refused(api: Api) -> None:
    before = await listed(api)
    for wanted in WRONG:
        assert_problem(await create(api, **wanted), 422, "validation-error")
    assert await listed(api) == before
