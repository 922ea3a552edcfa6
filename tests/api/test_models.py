"""Scoring models over HTTP: drafted, refused with every fault, listed, read, compared, and never altered."""

import gzip
import json
from typing import Any

import pytest
from httpx import Response

from app.scoring.model import dump_yaml, load_model
from app.scoring.text import MAX_CHARACTERS
from tests.api.harness import Api, assert_problem, small_model

VERSION = {"version", "name", "state", "note", "created_at", "created_by", "published_at", "published_by"}
MODEL = VERSION | {"warnings", "examples", "document"}
AS_YAML = dump_yaml(load_model(small_model())).encode()


async def post(api: Api, body: bytes, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.client.post("/v1/models", content=body, headers=api.bearer("admin") | named)


def paths(answer: Response) -> list[str]:
    """Where the faults of an invalid model are, each of which says something."""
    found = assert_problem(answer, 422, "invalid-model")["errors"]
    assert all(fault["message"] for fault in found)
    return [fault["path"] for fault in found]


# --- Drafting ---------------------------------------------------------------------------------------------------


async def test_a_draft_is_stored_as_the_next_version_and_changes_nothing(api: Api) -> None:
    answer = await api.do("/v1/models", small_model(), note=" a first try ")
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/models/2")
    model = answer.json()
    assert set(model) == MODEL
    assert (model["version"], model["name"], model["state"]) == (2, "small", "draft")
    assert (model["note"], model["created_at"]) == ("a first try", "2026-03-10T12:00:00Z")
    assert model["published_at"] is None
    assert model["document"] == small_model()
    assert await api.told("/v1/models/2") == model
    assert (await api.told("/v1/models/active"))["version"] == 1


async def test_the_same_document_may_be_drafted_again(api: Api) -> None:
    assert [await api.draft(small_model()) for _ in range(3)] == [2, 3, 4]


async def test_json_and_yaml_are_distinguished_whatever_the_content_type(web: Api) -> None:
    types = ["application/json", "application/yaml", "text/yaml", "application/x-www-form-urlencoded", "image/png", ""]
    for content_type in types:
        for body in (json.dumps(small_model()).encode(), AS_YAML, b"\xef\xbb\xbf" + AS_YAML):
            answer = await post(web, body, Content_Type=content_type)
            assert answer.status_code == 201, answer.text
            assert answer.json()["document"] == small_model()


async def test_yaml_starting_with_a_brace_is_recognised_by_its_content_type(web: Api) -> None:
    body = b"{name: brace, stages: [{name: only}]}"
    assert (await post(web, body, Content_Type="application/yaml")).json()["name"] == "brace"
    assert_problem(await post(web, body), 400, "malformed-json")


async def test_a_gzipped_document_is_unpacked(api: Api) -> None:
    answer = await post(api, gzip.compress(AS_YAML), Content_Encoding="gzip")
    assert answer.json()["document"] == small_model()


async def test_a_note_is_short_text_or_none(web: Api) -> None:
    assert (await web.do("/v1/models", small_model())).json()["note"] is None
    assert (await web.do("/v1/models", small_model(), note="n" * 500)).json()["note"] == "n" * 500
    for note in ("", " ", "n" * 501, "a\0b"):
        document = assert_problem(await web.do("/v1/models", small_model(), note=note), 422, "validation-error")
        assert [fault["path"] for fault in document["errors"]] == ["note"]


async def test_a_draft_is_answered_with_its_warnings(api: Api) -> None:
    signals = small_model()["signals"] | {"unread": {"on": ["Page Viewed"]}}
    model = (await api.do("/v1/models", small_model(signals=signals))).json()
    [warning] = model["warnings"]
    assert set(warning) == {"code", "path", "message", "line", "column"}
    assert (warning["code"], warning["path"]) == ("unread-signal", "signals.unread")


async def test_a_draft_is_answered_with_its_example_results(api: Api) -> None:
    wrong = {"name": "silence", "given": [], "expect": {"stage": "hot", "scores": {"interest": 10}}}
    model = (await api.do("/v1/models", small_model(examples=[*small_model()["examples"], wrong]))).json()
    assert model["examples"] == [
        {"name": "a demo", "holds": True, "failures": []},
        {
            "name": "silence",
            "holds": False,
            "failures": ["stage is visitor, expected hot", "score interest is 0, expected eq 10"],
        },
    ]


# --- Documents that are refused -----------------------------------------------------------------------------------


async def test_all_faults_of_shape_and_of_references_are_reported_together(api: Api) -> None:
    rules = {"a": {"signal": "nothing", "points": 1}, "b": {"signal": "demo"}}
    stages = [{"name": "visitor"}, {"name": "Hot", "when": {"signal": "demo"}}]
    document = small_model(typo=1, name="", scores={"interest": {"rules": rules}}, stages=stages, examples=[])
    answer = await api.do("/v1/models", document)
    of_shape = {"typo", "name", "scores.interest.rules.b.points", "stages[1].name"}
    assert set(paths(answer)) == of_shape | {"scores.interest.rules.a.signal"}
    assert "5 faults" in answer.json()["detail"]
    assert (await api.told("/v1/models"))["data"][0]["version"] == 1


async def test_all_unresolved_references_are_reported_together(api: Api) -> None:
    rules = {"a": {"signal": "nothing", "points": 1}, "b": {"signal": "demo", "points": 1, "group": "none"}}
    stages = [{"name": "visitor"}, {"name": "hot", "when": {"all": [{"score": "x", "gte": 1}, {"signal": "y"}]}}]
    found = paths(await api.do("/v1/models", small_model(scores={"interest": {"rules": rules}}, stages=stages)))
    assert {"scores.interest.rules.a.signal", "scores.interest.rules.b.group"} <= set(found)
    assert {"stages[1].when.all[0].score", "stages[1].when.all[1].signal"} <= set(found)


MALFORMED = {
    b'{"name": ': "malformed-json",
    b'{"name": "a", "name": "b"}': "malformed-json",
    b'{"name": NaN}': "malformed-json",
    b'{"name": "\xff"}': "malformed-json",
    b'{"a": ' * 33 + b"1" + b"}" * 33: "malformed-json",
    b"name: \xfcber": "malformed-request",
    "name: small".encode("utf-16"): "malformed-request",
}


async def test_a_body_that_cannot_be_read_is_malformed(web: Api) -> None:
    for body, code in MALFORMED.items():
        assert_problem(await post(web, body), 400, code)


async def test_a_syntax_error_is_reported_by_line_and_column(web: Api) -> None:
    assert paths(await post(web, b"name: small\nstages: [")) == ["line 2, column 10"]
    assert paths(await post(web, b"name: small\nname: again")) == ["line 2, column 1"]
    assert paths(await post(web, b"name: small\nstages: *nowhere")) == ["line 2, column 9"]


async def test_a_body_that_is_not_a_document_is_refused(web: Api) -> None:
    for body in (b"", b" ", b"text", b"[]", b"- name", b"42", b"name=small&stages=1", b"name: !!binary aGk="):
        assert paths(await post(web, body))[0] in ("document", "name")


BOMBS = {
    "aliases": b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % (name - 1)] * 9)) for name in b"bcdefghi"),
    "merges": b"a: &a {x: [%s]}\nb: {<<: [%s]}" % (b"1, " * 9_000, b"*a, " * 9_000),
    "a circle": b"name: &a [*a]",
    "depth": b"[" * 50_000,
    "depth of blocks": b"".join(b" " * depth + b"a:\n" for depth in range(300)),
    "length": b"name: " + b"a" * MAX_CHARACTERS,
    "a python tag": b"name: !!python/object/apply:os.system [id]",
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_yaml_bomb_is_refused(web: Api, bomb: str) -> None:
    assert paths(await post(web, BOMBS[bomb], Content_Type="application/yaml"))


async def test_a_body_that_is_too_large_is_refused(web: Api) -> None:
    for body in (b"#" * (4 * 1024 * 1024 + 1), b'{"a": "' + b"a" * (4 * 1024 * 1024)):
        assert_problem(await post(web, body), 413, "content-too-large")
        assert_problem(await post(web, gzip.compress(body), Content_Encoding="gzip"), 413, "content-too-large")


def _saying(value: str) -> list[bytes]:
    """Documents with a value where any text or any number may stand."""
    only = '"name": "m", "stages": [{"name": "a"}, {"name": "b", "when": {"trait": "t", "exists": true}}]'
    given = f'{only}, "examples": [{{"name": "e", "expect": {{}}, "given": [{{"properties": {{"p": %s}}}}]}}]'
    return [f"{{{each}}}".encode() for each in (f'{only}, "description": {value}', given % value)]


async def test_a_value_that_no_database_stores_is_a_fault(api: Api) -> None:
    for value in (r'"\ud800"', r'"\u0000"', '{"\\ud800": 1}', "9" * 300, "1e999"):
        for body in _saying(value):
            assert paths(await post(api, body))
            assert paths(await post(api, body, Content_Type="application/yaml"))


async def test_a_name_that_is_not_valid_utf_8_is_reported(web: Api) -> None:
    for body in (rb'{"\ud800": 1}', rb'{"signals": {"\ud800": 1}}', b'"\\ud800": 1\n"\\ud800": 2'):
        assert paths(await post(web, body))


async def test_an_event_without_a_name_is_a_fault(web: Api) -> None:
    assert len(paths(await web.do("/v1/models", small_model(signals={"demo": {"on": ""}})))) == 1


# --- Who may ----------------------------------------------------------------------------------------------------

READS = ["/v1/models", "/v1/models/1", "/v1/models/active", "/v1/models/1/diff", "/v1/models/schema"]
READS += ["/v1/rollouts", "/v1/rollouts/1"]
CHANGES: dict[str, Any] = {"/v1/models": small_model(), "/v1/models/1/preview": {}}
CHANGES["/v1/models/1/publish"] = {"notify": "none"}


async def test_read_and_admin_keys_can_read_models(web: Api) -> None:
    for path in READS:
        assert (await web.ask(path, "read")).status_code == 200
        assert (await web.ask(path, "admin")).status_code == 200
        assert_problem(await web.ask(path, "write"), 403, "insufficient-scope")
        assert_problem(await web.ask(path, "server"), 403, "insufficient-scope")
        assert_problem(await web.client.get(path), 401, "invalid-key")


async def test_only_an_admin_key_drafts_previews_and_publishes(web: Api) -> None:
    for path, document in CHANGES.items():
        assert_problem(await web.do(path, document, "read"), 403, "insufficient-scope")
        assert_problem(await web.do(path, document, "write"), 403, "insufficient-scope")
        assert_problem(await web.do(path, document, "server"), 403, "insufficient-scope")
        assert_problem(await web.client.post(path, json=document), 401, "invalid-key")
        assert (await web.do(path, document, "admin")).is_success


# --- Evaluation ----------------------------------------------------------------------------------------------------


async def test_versions_are_listed_latest_first_with_their_state(api: Api) -> None:
    for name in ("b", "c", "d"):
        await api.draft(small_model(name=name))
    await api.publish(3)
    page = await api.told("/v1/models")
    assert page["next_cursor"] is None
    assert all(set(item) == VERSION for item in page["data"])
    found = [(item["version"], item["name"], item["state"]) for item in page["data"]]
    assert found == [(4, "d", "draft"), (3, "c", "active"), (2, "b", "draft"), (1, "starter", "retired")]


async def test_paging_through_versions_is_complete_whatever_is_drafted_meanwhile(api: Api) -> None:
    for _ in range(5):
        await api.draft(small_model())
    found: list[int] = []
    more: dict[str, Any] = {}
    while more != {"cursor": None}:
        page = await api.told("/v1/models", limit=2, **more)
        found += [item["version"] for item in page["data"]]
        more = {"cursor": page["next_cursor"]}
        await api.draft(small_model())
    assert found == [6, 5, 4, 3, 2, 1]


async def test_invalid_paging_parameters_are_refused(web: Api) -> None:
    await web.draft(small_model())
    cursor = (await web.told("/v1/models", limit=1))["next_cursor"]
    for asked in (cursor[:-1], f"{cursor}=", "marker"):
        assert_problem(await web.ask("/v1/models", cursor=asked), 400, "malformed-request")
    assert_problem(await web.ask("/v1/rejections", cursor=cursor), 400, "malformed-request")
    for limit in (0, 201, "marker"):
        assert_problem(await web.ask("/v1/models", limit=limit), 422, "validation-error")


async def test_the_active_model_is_found_by_number_and_as_active(api: Api) -> None:
    assert await api.told("/v1/models/active") == await api.told("/v1/models/1")
    assert (await api.told("/v1/models/1"))["published_at"] == "2026-03-10T12:00:00Z"


async def test_an_unknown_version_is_404_and_an_invalid_one_422(web: Api) -> None:
    for part in ("", "/diff", "/diff?with=1"):
        answer = await web.ask(f"/v1/models/{2**31 - 1}{part}")
        assert "list the versions" in assert_problem(answer, 404, "not-found")["detail"]
        for version in ("0", "-1", "1.5", "latest", str(2**31), "9" * 30, "9" * 5_000):
            document = assert_problem(await web.ask(f"/v1/models/{version}{part}"), 422, "validation-error")
            [fault] = document["errors"]
            assert (fault["path"], "`active`" in fault["message"]) == ("version", True)


async def test_a_version_is_returned_as_yaml_that_can_be_drafted_again(api: Api) -> None:
    for version in (1, await api.draft(small_model(description="no: 'yes' # 1\n2026-03-10 \t~"))):
        headers = api.bearer("read") | {"Accept": "application/yaml"}
        answer = await api.client.get(f"/v1/models/{version}", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/yaml")
        again = await post(api, answer.content, Content_Type="application/yaml")
        assert again.json()["document"] == (await api.told(f"/v1/models/{version}"))["document"]


async def test_a_version_can_not_be_changed_or_deleted(api: Api) -> None:
    await api.draft(small_model())
    before = await api.told("/v1/models/2")
    for method in ("PUT", "PATCH", "DELETE"):
        for path in ("/v1/models/2", "/v1/models", "/v1/rollouts/1"):
            answer = await api.client.request(method, path, headers=api.bearer("admin"), json=small_model(name="x"))
            assert_problem(answer, 405, "method-not-allowed")
    assert await api.told("/v1/models/2") == before


async def test_the_schema_describes_a_document(web: Api) -> None:
    schema = await web.told("/v1/models/schema")
    assert set(small_model()) < set(schema["properties"])
    assert schema["required"] == ["name", "stages"]


# --- What is different ------------------------------------------------------------------------------------------


async def test_a_version_is_compared_to_the_active_one_by_default(api: Api) -> None:
    await api.draft(small_model())
    await api.draft(small_model(name="renamed"))
    told = await api.told("/v1/models/2/diff")
    assert (told["before"], told["after"]) == (1, 2)
    assert told == await api.told("/v1/models/2/diff", **{"with": "active"})
    told = await api.told("/v1/models/3/diff", **{"with": 2})
    assert (told["before"], told["after"]) == (2, 3)
    [difference] = told["differences"]
    assert (difference["before"], difference["after"]) == ({"name": "small"}, {"name": "renamed"})


async def test_a_difference_says_whether_it_needs_a_recount(api: Api) -> None:
    await api.draft(small_model())
    await api.draft(small_model(signals={"demo": {"on": ["Demo Requested", "Demo Booked"]}}))
    [told] = (await api.told("/v1/models/3/diff", **{"with": 2}))["differences"]
    assert set(told) == {"kind", "noun", "path", "summary", "before", "after", "recounts"}
    assert (told["kind"], told["noun"], told["path"], told["recounts"]) == ("changed", "signal", "signals.demo", True)


async def test_a_version_does_not_differ_from_itself(api: Api) -> None:
    assert await api.told("/v1/models/active/diff") == {"before": 1, "after": 1, "differences": []}


async def test_a_version_is_not_compared_to_an_unknown_version(web: Api) -> None:
    assert_problem(await web.ask("/v1/models/1/diff", **{"with": 2}), 404, "not-found")
    answer = await web.ask("/v1/models/1/diff", **{"with": "marker"})
    assert [fault["path"] for fault in assert_problem(answer, 422, "validation-error")["errors"]] == ["with"]
