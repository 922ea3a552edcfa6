"""Cross-origin rules: any page may ingest, and no page may ask, save those that the settings name."""

import gzip

import pytest
from httpx import Response

from app.api.paths import BATCH_PATHS, MESSAGE_PATHS
from tests.api.harness import PAGE, Api, accepted, break_schema, running, track

INGESTION = [*(f"/v1/{path}" for path in MESSAGE_PATHS), *BATCH_PATHS, "/v1/m", "/v1/forms/contact"]
ASKED = ["authorization", "content-type", "x-retry-count", "anonymousid", "sentat"]


async def preflight(api: Api, path: str, *, method: str = "POST", headers: str = ", ".join(ASKED)) -> Response:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return await api.client.options(path, headers=asked)


def assert_open(answer: Response, origin: str = PAGE) -> None:
    """The page may read the answer, credentials or not, and learn when to come back."""
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "origin" in answer.headers["vary"].lower()


def assert_closed(answer: Response) -> None:
    assert [name for name in answer.headers if name.startswith("access-control-")] == []


async def test_every_ingestion_path_answers_preflights_from_any_page(web: Api) -> None:
    for path in INGESTION:
        answer = await preflight(web, path)
        assert 200 <= answer.status_code < 300, path
        assert_open(answer)
        allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert allowed >= set(ASKED), path
        assert "POST" in answer.headers["access-control-allow-methods"]


async def test_a_preflight_needs_no_key_and_echoes_any_header(web: Api) -> None:
    answer = await preflight(web, "/v1/track", headers="x-something-new")
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (200, "x-something-new")


@pytest.mark.parametrize("path", ["/v1/projects/ls_write_x/settings", "/sourceConfig/", "/sourceConfig"])
async def test_the_paths_browser_libraries_fetch_first_answer_preflights(web: Api, path: str) -> None:
    answer = await preflight(web, path, method="GET")
    assert answer.status_code == 200
    assert_open(answer)


async def test_a_page_with_a_null_origin_is_served(web: Api) -> None:
    answer = await web.send("/v1/track", track(), Origin="null")
    assert accepted(answer) == (1, 0)
    assert_open(answer, "null")


async def test_a_response_to_a_program_names_no_origin(web: Api) -> None:
    assert "access-control-allow-origin" not in (await web.send("/v1/track", track())).headers


async def test_responses_expose_retry_after(web: Api) -> None:
    exposed = (await web.send("/v1/track", track(), Origin=PAGE)).headers["access-control-expose-headers"]
    assert "Retry-After" in [name.strip() for name in exposed.split(",")]


async def test_every_error_of_an_ingestion_path_is_readable_by_the_page(web: Api) -> None:
    unlisted = await web.new_key("write", origins=["https://elsewhere.example"])
    answers = {
        400: await web.post("/v1/track", b"{", Origin=PAGE),
        401: await web.send("/v1/track", track(), key="unknown", Origin=PAGE),
        403: await web.send("/v1/track", track(), key=unlisted, Origin=PAGE),
        405: await web.client.get("/v1/track", headers={"Origin": PAGE}),
        413: await web.post("/v1/batch", gzip.compress(b" " * 5_000_000), Content_Encoding="gzip", Origin=PAGE),
        415: await web.post("/v1/track", b"{}", Content_Encoding="br", Origin=PAGE),
    }
    await break_schema(web)
    answers[500] = await web.send("/v1/track", track(), Origin=PAGE)
    web.runtime.writer.close()
    answers[503] = await web.send("/v1/track", track(), Origin=PAGE)
    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    for answer in answers.values():
        assert_open(answer)
        assert answer.json()["success"] is False


async def test_other_paths_allow_no_page(web: Api) -> None:
    for path in ("/v1/leads", "/v1/leads/lookup", "/v1/keys", "/v1/rejections", "/metrics", "/livez"):
        assert_closed(await preflight(web, path, method="GET"))
        assert_closed(await web.client.get(path, headers={"Origin": PAGE} | web.bearer("admin")))


async def test_other_paths_allow_the_pages_named_in_the_settings(sqlite_url: str) -> None:
    async with running(sqlite_url, cors_origins=f"{PAGE}, https://crm.example.com") as web:
        asked = await preflight(web, "/v1/leads", method="GET")
        answer = await web.client.get("/v1/leads", headers={"Origin": PAGE} | web.bearer("read"))
        other = await web.client.get("/v1/leads", headers={"Origin": "https://elsewhere.example"} | web.bearer("read"))
    assert (asked.status_code, answer.status_code) == (200, 200)
    assert_open(asked)
    assert_open(answer)
    assert "access-control-allow-origin" not in other.headers


async def test_a_named_origin_can_read_a_401(sqlite_url: str) -> None:
    async with running(sqlite_url, cors_origins=PAGE) as web:
        answer = await web.client.get("/v1/leads", headers={"Origin": PAGE})
    assert answer.status_code == 401
    assert_open(answer)


async def test_naming_an_origin_leaves_ingestion_open_to_every_page(sqlite_url: str) -> None:
    async with running(sqlite_url, cors_origins="https://crm.example.com") as web:
        assert_open(await web.send("/v1/track", track(), Origin=PAGE))


@pytest.mark.parametrize(
    ("named", "origin"),
    [
        ("https://CRM.example.com:443/", "https://crm.example.com"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://*.example.com", "https://crm.example.com"),
        ("https://*.example.com:8443", "https://a.crm.example.com:8443"),
        ("http://[0:0::1]:3000", "http://[::1]:3000"),
    ],
)
async def test_a_named_origin_is_compared_in_browser_form(sqlite_url: str, named: str, origin: str) -> None:
    async with running(sqlite_url, cors_origins=named) as web:
        for answer in (
            await web.client.options("/v1/leads", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}),
            await web.client.get("/v1/leads", headers={"Origin": origin} | web.bearer("read")),
        ):
            assert answer.status_code == 200
            assert_open(answer, origin)


@pytest.mark.parametrize("origin", ["https://example.com", "http://crm.example.com", "https://crm.example.com.evil.io"])
async def test_a_wildcard_matches_only_subdomains(sqlite_url: str, origin: str) -> None:
    async with running(sqlite_url, cors_origins="https://*.example.com") as web:
        answer = await web.client.get("/v1/leads", headers={"Origin": origin} | web.bearer("read"))
        assert "access-control-allow-origin" not in answer.headers
