"""What every answer under `/ui` has, and what is refused: the security rules of the screen."""

from itertools import product

import pytest
from starlette.datastructures import Headers

from app.screen.routes import SECURITY_HEADERS, is_same_origin
from tests.api.harness import PAGE, Api, running
from tests.screen.harness import ORIGIN, Browser

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]
UNSAFE_PATHS = ["/ui/sign-in", "/ui/sign-out", "/ui/leads", "/ui/nowhere"]
SITES = [None, "same-origin", "same-site", "cross-site", "none"]
ORIGINS = [
    None,
    "null",
    ORIGIN,
    "https://evil.example",
    "http://leadscore.test.evil.example",
    "http://leadscore.test:81",
    "http://[",
]


ANSWERS = [
    ("GET", "/", 303),
    ("GET", "/ui", 303),
    ("GET", "/ui/", 303),
    ("GET", "/ui/leads", 200),
    ("HEAD", "/ui/leads", 200),
    ("GET", "/ui/leads?limit=0", 422),
    ("GET", "/ui/leads/counts?sort=engagement", 200),
    ("GET", "/ui/nothing/here", 404),
    ("GET", "/ui/static/x/screen.css", 200),
    ("GET", "/ui/static/x/vendor/files.json", 404),
    ("GET", "/ui/static/x/..%2Frouters.py", 404),
    ("POST", "/ui/leads", 403),
    ("OPTIONS", "/ui/leads", 403),
]


async def test_every_answer_has_the_security_headers(browser: Browser) -> None:
    for method, path, status in ANSWERS:
        answer = await browser.client.request(method, path)
        assert answer.status_code == status, path
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_failure_is_a_page_with_the_request_s_id_and_the_headers(api: Api, browser: Browser) -> None:
    async with api.runtime.database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE leads")
    answer = await browser.get("/ui/leads")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    assert "no such table" not in answer.text
    assert answer.headers.items() >= {(name.lower(), text) for name, text in SECURITY_HEADERS.items()}


async def test_only_what_was_asked_for_with_get_can_be_tried_again(browser: Browser, admin: Browser) -> None:
    """The link would lead elsewhere, since it can't send the form again."""
    assert "Try again</a>" in (await browser.get("/ui/leads?limit=0")).text
    refused = await admin.post("/ui/ops/keys", kind="nothing", name="ada")
    assert (refused.status_code, "Try again" in refused.text) == (422, False)


async def test_a_part_that_fails_is_only_the_part(browser: Browser) -> None:
    answer = await browser.get("/ui/leads?limit=0", HX_Request="true")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "<html" not in answer.text


async def test_unsafe_requests_must_come_from_our_own_pages(browser: Browser) -> None:
    for method, path, site, origin in product(UNSAFE, UNSAFE_PATHS, SITES, ORIGINS):
        headers = {name: text for name, text in (("Sec-Fetch-Site", site), ("Origin", origin)) if text is not None}
        answer = await browser.client.request(method, path, headers=headers)
        is_ours = site == "same-origin" or (site is None and origin == ORIGIN)
        assert (answer.status_code != 403) is is_ours, (method, path, headers)


@pytest.mark.parametrize("headers", [{}, {"origin": ""}, {"origin": ORIGIN}, {"host": ""}])
def test_a_request_that_does_not_say_where_it_is_from_or_to_is_refused(headers: dict[str, str]) -> None:
    assert not is_same_origin(Headers(headers))


async def test_a_body_is_limited_even_for_whoever_is_not_signed_in(api: Api) -> None:
    answer = await Browser(api).post("/ui/sign-in", key="x" * 2_000_000)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["leads?stagee=mql", "leads/counts?stagee=mql", "ops/rejections?stagee=marker"])
async def test_an_unknown_parameter_is_refused_once_somebody_is_signed_in(
    api: Api, browser: Browser, path: str
) -> None:
    answer = await browser.get(f"/ui/{path}")
    assert answer.status_code == 422
    assert "query: unknown parameter" in answer.text
    assert "marker" not in answer.text.partition('href="')[0]
    assert (await Browser(api).get(f"/ui/{path}")).status_code == 303


async def test_the_screen_takes_no_key_in_a_header(api: Api) -> None:
    assert (await api.client.get("/ui/leads", headers=api.bearer("admin"))).status_code == 303


async def test_the_api_takes_no_cookie(browser: Browser) -> None:
    assert (await browser.get("/v1/leads")).status_code == 401


async def test_pages_of_listed_origins_may_read_the_api_but_never_the_screen(sqlite_url: str) -> None:
    async with running(sqlite_url, working=False, cors_origins=PAGE) as api:
        browser = await Browser.signed_in(api, "read")
        for path, may_read in (("/v1/leads", True), ("/ui/leads", False), ("/ui", False)):
            answer = await browser.get(path, Origin=PAGE)
            assert ("access-control-allow-origin" in answer.headers) is may_read


async def test_the_screen_can_be_switched_off(sqlite_url: str) -> None:
    async with running(sqlite_url, working=False, screen="off") as api:
        for path in ("/", "/ui", "/ui/leads", "/ui/sign-in"):
            assert (await api.client.get(path)).status_code == 404
