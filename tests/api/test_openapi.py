"""The OpenAPI document, and junk thrown at every route that it names, and at those that it leaves out."""

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from httpx import AsyncClient, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError, validate

from app.api.paths import BATCH_PATHS, MESSAGE_PATHS, SOURCE_CONFIG_PATH
from app.api.problems import MEDIA_TYPE
from tests.api.harness import Api, accepted, running, small_model, track

HIDDEN = [
    "/v1/m",
    *(SOURCE_CONFIG_PATH, f"{SOURCE_CONFIG_PATH}/"),
    "/v1/projects/{key}/settings",
    *BATCH_PATHS,
    *(f"/v1/{name}" for name in MESSAGE_PATHS),
]
OURS = ["/livez", "/readyz", "/metrics", "/openapi.json"]


async def test_every_error_of_a_route_is_documented_as_a_problem(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    wrong = [
        (path, method, status)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        for status, answer in route["responses"].items()
        if status >= "400" and (list(answer["content"]) != [MEDIA_TYPE] or "Problem" not in json.dumps(answer))
    ]
    assert wrong == []


async def test_the_documentation_is_served(web: Api) -> None:
    assert (await web.client.get("/docs")).status_code == 200


OPERATIONS = """
track identify page screen group alias send_batch import_history submit_form
look_up_lead look_up_leads list_leads get_lead get_lead_score get_lead_history list_lead_events list_lead_transitions
check_model create_model list_models get_model_schema get_model compare_models preview_model publish_model
list_rollouts get_rollout evaluate_messages list_keys create_key rotate_key revoke_key get_own_key
list_rejections count_rejections get_activity get_status
list_changes count_leads list_transitions list_lead_identities get_funnel list_sources get_signal_series
check_liveness check_readiness get_metrics
create_webhook list_webhooks get_webhook update_webhook delete_webhook rotate_secret send_test
list_deliveries get_delivery replay_deliveries replay_delivery
erase_lead_by_identity erase_lead_by_id
create_proposal create_backtest create_preview list_jobs get_job cancel_job
list_accounts get_account
"""


async def test_operations_have_names_that_a_generated_client_can_keep(web: Api) -> None:
    paths = (await web.client.get("/openapi.json")).json()["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert sorted(names) == sorted(OPERATIONS.split())
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)*", name)] == []


async def test_every_reference_leads_to_a_schema(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references == set(document["components"]["schemas"])


async def test_every_kind_of_body_has_a_schema_of_its_own(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    names = {path: body["schema"]["$ref"].rpartition("/")[2] for path, (_, body) in ingestion_bodies(document).items()}
    singles = {f"/v1/{kind}": kind.title() for kind in MESSAGE_PATHS.values()}
    assert names == singles | {"/v1/batch": "Batch", "/v1/import": "Batch", "/v1/forms/{form}": "Form"}


def ingestion_bodies(document: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """By path, the media type of the body and what is documented of it."""
    return {
        path: next(iter(methods["post"]["requestBody"]["content"].items()))
        for path, methods in document["paths"].items()
        if methods.get("post", {}).get("tags") == ["ingestion"]
    }


async def test_every_example_of_what_may_be_sent_is_taken(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    bodies = ingestion_bodies(document)
    assert len(bodies) == 9
    for path, (media_type, body) in bodies.items():
        validate(body["example"], body["schema"] | {"components": document["components"]})
        form = {"data": body["example"]} if "form" in media_type else {"json": body["example"]}
        answer = await web.client.post(path.replace("{form}", "contact"), auth=(web.keys["server"], ""), **form)
        assert answer.status_code == 200, (path, answer.text)
        assert accepted(answer)[0] == len(body["example"].get("batch", [1]))


async def test_every_example_of_a_job_is_taken_and_its_results_are_documented(still: Api) -> None:
    schemas = (await still.client.get("/openapi.json")).json()["components"]["schemas"]
    for name in ("proposal", "backtest"):
        (example,) = schemas[f"{name.title()}Request"]["examples"]
        answer = await still.do(f"/v1/{name}s", example)
        assert (answer.status_code, answer.json()["kind"]) == (202, name), answer.text
        assert schemas[f"{name.title()}Document"]["examples"]
    (example,) = schemas["PreviewJobRequest"]["examples"]
    assert (await still.do("/v1/previews", example)).status_code == 202
    result = json.dumps(schemas["JobDocument"]["properties"]["result"])
    assert all(f"/{name}Document" in result for name in ("Proposal", "Backtest", "Preview"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": [{"userId": "u1", "event": "Liked"}]},
        {"batch": [{"type": "track", "userId": "u1"}]},
        {"batch": [{"type": "page"}]},
        {"batch": [{"type": "applaud", "userId": "u1"}]},
    ],
    ids=["without a type", "a track without an event", "a page of nobody", "an unknown type"],
)
async def test_the_schema_of_a_batch_knows_each_type_of_message(web: Api, wrong: Any) -> None:
    components = (await web.client.get("/openapi.json")).json()["components"]
    with pytest.raises(ValidationError):
        validate(wrong, {"$ref": "#/components/schemas/Batch", "components": components})


async def test_the_explanation_of_a_stage_is_documented_as_it_is_answered(web: Api) -> None:
    await web.batch(track(), track(event="Demo Requested"))
    lead = await web.lead(user_id="u1")
    score = (await web.ask(f"/v1/leads/{lead['id']}/score")).json()
    components = (await web.client.get("/openapi.json")).json()["components"]
    assert score["stage_reason"]["because"]
    validate(score, {"$ref": "#/components/schemas/ScoreDocument", "components": components})


class Target:
    """The application on a loop of its own, for tests that Hypothesis repeats."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._stack = AsyncExitStack()
        self.api: Api = self._runner.run(self._stack.enter_async_context(running(url)))
        self.lead_id = self._runner.run(self._one_lead())

    async def _one_lead(self) -> str:
        await self.api.batch(track())
        return str((await self.api.lead(user_id="u1"))["id"])

    def request(self, method: str, path: str, **what: Any) -> Response:
        client: AsyncClient = self.api.client
        return self._runner.run(client.request(method, path, **what))

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture
def target(sqlite_url: str) -> Iterator[Target]:
    target = Target(sqlite_url)
    yield target
    target.close()


JUNK = st.text(max_size=40) | st.sampled_from(
    ["", "\0", "null", "é", "-1", "1e999", "9" * 400, "0001-01-01T00:00:00+14:00", "%"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | JUNK,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JUNK, inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "type",
    "event",
    "userId",
    "anonymousId",
    "previousId",
    "groupId",
    "messageId",
    "timestamp",
    "sentAt",
    "traits",
]
FIELDS += [
    "properties",
    "context",
    "batch",
    "writeKey",
    "identities",
    "email",
    "user_id",
    "kind",
    "name",
    "origins",
    "events",
    "messages",
    "model",
    "as_of",
    "trusted",
    "sample",
    "notify",
    "url",
    "types",
    "score",
    "enabled",
    "after",
    "dry_run",
]
MESSAGES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=8)
KNOWN_TYPES = st.sampled_from([*MESSAGE_PATHS.values()])
NEARLY = st.builds(
    lambda message, told: {"userId": "u1", "event": "Liked", "type": told} | message, MESSAGES, KNOWN_TYPES
)
DOCUMENTS = NEARLY | st.lists(NEARLY, max_size=4).map(lambda batch: {"batch": batch}) | MESSAGES | VALUES
BODIES = (
    DOCUMENTS.map(lambda document: json.dumps(document).encode())
    | st.binary(max_size=60)
    | JUNK.map(lambda text: f"email={text}&_next={text}&properties[{text}]={text}".encode("utf-8", "replace"))
)
TYPES = [
    "application/json",
    "text/plain",
    "application/yaml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "x",
    "",
]
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(TYPES),
        "Content-Encoding": st.sampled_from(["gzip", "br", "identity", "gzip, gzip"]),
        "Accept": st.sampled_from(["text/html", "application/json", "application/yaml", "text/csv", "*/*"]),
        "Origin": st.sampled_from(["https://www.example.com", "null", "x"]),
        "Access-Control-Request-Method": st.sampled_from(["POST", "PUT", "x"]),
        "X-Request-Id": st.sampled_from(["a", "-", "\x7f", "a" * 100]),
    },
)
ASKED = """
email user_id phone anonymous_id stage min_score source updated_after sales_ready sort limit from to with
model note by signal code account q max_score seen_after stage_since_after next_change_before reasons explain
after
"""
QUERIES = st.dictionaries(st.sampled_from([*ASKED.split(), "cursor", "as_of", "writeKey"]), JUNK, max_size=3)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
NAMED = ["/v1/leads", "/v1/leads/lookup", "/v1/leads/{id}", "/v1/leads/{id}/score", "/v1/leads/{id}/events"]
NAMED += ["/v1/leads/{id}/transitions", "/v1/keys", "/v1/keys/{id}", "/v1/rejections", "/v1/forms/{id}", "/{id}"]
NAMED += ["/v1/leads/{id}/history", "/v1/models", "/v1/models/schema", "/v1/models/{number}", "/v1/evaluate"]
NAMED += [f"/v1/models/{{number}}/{part}" for part in ("diff", "preview", "publish")]
NAMED += ["/v1/rollouts", "/v1/rollouts/{number}", "/v1/changes", "/v1/webhooks", "/v1/webhooks/{id}"]
NAMED += ["/v1/webhooks/{id}/test", "/v1/webhooks/{id}/rotate", "/v1/deliveries", "/v1/deliveries/{id}"]
NAMED += ["/v1/deliveries/replay", "/v1/deliveries/{id}/replay", "/v1/jobs", "/v1/jobs/{id}", "/v1/proposals"]
NAMED += ["/v1/backtests", "/v1/me", "/v1/keys/{id}/rotate", "/v1/rejections/counts", "/v1/activity", "/v1/status"]
NAMED += ["/v1/previews", "/v1/accounts", "/v1/accounts/{id}", "/v1/models/check"]
NAMED += ["/v1/funnel", "/v1/sources", "/v1/signals/series"]
NAMED += ["/v1/leads/counts", "/v1/leads/{id}/identities", "/v1/transitions"]
PATHS = st.sampled_from([*NAMED, *HIDDEN, *OURS])
KEYS = st.sampled_from(["write", "server", "read", "admin", "unknown"])


async def test_the_junk_reaches_every_route(web: Api) -> None:
    documented = (await web.client.get("/openapi.json")).json()["paths"]
    reached, there = (
        {re.sub("{.*?}", "{}", path) for path in paths} for paths in ((*NAMED, *HIDDEN, *OURS), documented)
    )
    assert there - reached == set()


def assert_sound(answer: Response) -> None:
    """Not a fault of ours, and if a refusal, a problem document or what the middleware says of a preflight."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.request.method not in ("HEAD", "OPTIONS"):
        shown = answer.headers["content-type"].partition(";")[0]
        posts_form = answer.request.method == "POST" and re.fullmatch("/v1/forms/[^/]+", answer.request.url.path)
        people = posts_form and "text/html" in answer.request.headers["Accept"]
        assert shown == ("text/html" if people else "application/problem+json")
        if shown != "text/html":
            assert answer.json()["status"] == answer.status_code


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    known_id: bool
    junk: str


def natural(path: str) -> tuple[str, str]:
    """The method and the kind of key with which a path is asked, so that not all junk ends at the door."""
    if path.endswith(("/lookup", "/evaluate")):
        return "POST", "read"
    if path in OURS or path.endswith(("{number}", "/diff", "/schema", "/rollouts", "/funnel", "/sources", "/series")):
        return "GET", "read"
    if path.startswith(("/v1/leads", "/v1/rejections", "/v1/projects")):
        return "GET", "read"
    return "POST", "admin" if path.startswith(("/v1/keys", "/v1/models")) else "write"


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    path = draw(PATHS)
    method, key = natural(path) if draw(st.integers(0, 3)) else (draw(METHODS), draw(KEYS))
    told = (draw(QUERIES), draw(HEADERS), draw(BODIES), draw(st.booleans()), draw(JUNK))
    return Ask(method, path, key, *told)


@st.composite
def nearly_models(draw: st.DrawFn) -> Any:
    """A model with one part, wherever it is, put in another's place."""
    document = small_model()
    part: Any = document
    while True:
        key = draw(st.sampled_from(sorted(part))) if isinstance(part, dict) else draw(st.integers(0, len(part) - 1))
        if not isinstance(part[key], dict | list) or not part[key] or draw(st.integers(0, 3)) == 0:
            part[key] = draw(VALUES | st.sampled_from(["\ud800", {"\ud800": 1}, 10**400, "demo", "interest", 1.5, -1]))
            return document
        part = part[key]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=nearly_models(), as_yaml=st.booleans())
def test_a_nearly_valid_model_is_drafted_if_its_check_finds_no_fault(
    target: Target, document: Any, as_yaml: bool
) -> None:
    body = json.dumps(document)
    headers = target.api.bearer("admin") | {"Content-Type": "application/yaml" if as_yaml else "application/json"}
    checked = target.request("POST", "/v1/models/check", content=body, headers=headers)
    answer = target.request("POST", "/v1/models", content=body, headers=headers)
    assert_sound(answer)
    assert_sound(checked)
    if checked.status_code == 200:
        assert (answer.status_code == 201) == (checked.json()["faults"] == [])
    if answer.status_code == 201:
        location = answer.headers["Location"]
        assert target.request("GET", location, headers=headers | {"Accept": "application/yaml"}).status_code == 200
        assert target.request("POST", f"{location}/preview", content="{}", headers=headers).status_code == 200
    tried = f'{{"model": {body}, "messages": [{{"type": "track", "event": "Demo Requested"}}]}}'
    assert_sound(target.request("POST", "/v1/evaluate", content=tried, headers=headers))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asks())
def test_junk_never_causes_a_server_error(target: Target, ask: Ask) -> None:
    secret = next((secret for kind, secret in target.api.keys.items() if kind == ask.key), "unknown")
    part = target.lead_id if ask.known_id else quote(ask.junk, safe="")
    number = "1" if ask.known_id else part
    path = ask.path.replace("{id}", part).replace("{key}", secret).replace("{number}", number)
    body = gzip.compress(ask.body) if ask.headers.get("Content-Encoding") == "gzip" and ask.known_id else ask.body
    answer = target.request(ask.method, path, params=ask.query, headers=ask.headers, content=body, auth=(secret, ""))
    assert_sound(answer)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(NEARLY, min_size=1, max_size=5))
def test_a_nearly_valid_message_is_counted_exactly_once(target: Target, documents: list[Any]) -> None:
    headers = target.api.bearer("write")
    answer = target.request("POST", "/v1/batch", content=json.dumps({"batch": documents}), headers=headers)
    assert_sound(answer)
    told = answer.json()
    if answer.status_code in (200, 413) or "rejected" in told:
        refused = len(told.get("rejected", ()))
        assert told.get("accepted", 0) + told.get("duplicates", 0) + refused == len(documents)
