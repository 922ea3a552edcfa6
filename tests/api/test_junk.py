"""Junk thrown at every route that the OpenAPI document names, and at those that it leaves out."""

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

from app.api.paths import BATCH_PATHS, MESSAGE_PATHS, SOURCE_CONFIG_PATH
from tests.api.harness import Api, running, small_model, track

HIDDEN = [
    "/v1/m",
    *(SOURCE_CONFIG_PATH, f"{SOURCE_CONFIG_PATH}/"),
    "/v1/projects/{key}/settings",
    *BATCH_PATHS,
    *(f"/v1/{name}" for name in MESSAGE_PATHS),
]
OURS = ["/livez", "/readyz", "/metrics", "/openapi.json"]


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
    "lead_ids",
    "message_ids",
    "reason",
    "received_from",
    "ids",
    "code",
    "_opened_at",
    "altcha",
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
ASKED = [
    "email",
    "user_id",
    "phone",
    "anonymous_id",
    "stage",
    "min_score",
    "source",
    "updated_after",
    "sales_ready",
    "sort",
    "limit",
    "from",
    "to",
    "with",
    "model",
    "note",
    "by",
    "signal",
    "code",
    "account",
    "q",
    "max_score",
    "seen_after",
    "stage_since_after",
    "next_change_before",
    "reasons",
    "explain",
    "after",
]
QUERIES = st.dictionaries(st.sampled_from([*ASKED, "cursor", "as_of", "writeKey"]), JUNK, max_size=3)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
NAMED = ["/v1/leads", "/v1/leads/lookup", "/v1/leads/{id}", "/v1/leads/{id}/score", "/v1/leads/{id}/events"]
NAMED += ["/v1/leads/{id}/transitions", "/v1/keys", "/v1/keys/{id}", "/v1/rejections", "/v1/forms/{id}", "/{id}"]
NAMED += ["/v1/leads/{id}/history", "/v1/models", "/v1/models/schema", "/v1/models/{number}", "/v1/evaluate"]
NAMED += [f"/v1/models/{{number}}/{part}" for part in ("diff", "preview", "publish")]
NAMED += ["/v1/rollouts", "/v1/rollouts/{number}", "/v1/changes", "/v1/webhooks", "/v1/webhooks/{id}"]
NAMED += ["/v1/webhooks/{id}/test", "/v1/webhooks/{id}/rotate", "/v1/deliveries", "/v1/deliveries/{id}"]
NAMED += ["/v1/leads/merge", "/v1/leads/{id}/split", "/v1/leads/{id}/export", "/v1/events/retract", "/v1/retractions"]
NAMED += ["/v1/retractions/{id}", "/v1/retractions/{id}/undo", "/v1/suppressions", "/v1/suppressions/{number}"]
NAMED += ["/v1/suppressions/lookup", "/v1/challenge", "/v1/rejections/release", "/v1/leads/lookup/export"]
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
