"""Where analytics.js is told to send: to the address that the browser asked, whatever proxies are in between."""

import pytest

from tests.api.harness import PAGE, Api

Headers = list[tuple[str, str]]


async def told(web: Api, *headers: tuple[str, str]) -> str:
    answer = await web.client.get(f"/v1/projects/{web.keys['write']}/settings", headers=[("Origin", PAGE), *headers])
    integration = answer.json()["integrations"]["Segment.io"]
    assert answer.headers["cache-control"] == "no-store"  # one browser's headers decide for no other
    return f"{integration['protocol']}://{integration['apiHost']}"


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-Proto", "https")],
        [("X-Forwarded-Proto", "https, http")],
        [("X-Forwarded-Proto", "https,http,http")],
        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")],
        [("X-Forwarded-Proto", "HTTPS")],
        [("X-Forwarded-Proto", ' "https" ')],
        [("X-Forwarded-Proto", "http"), ("CloudFront-Forwarded-Proto", "https")],
        [("X-Forwarded-Scheme", "https")],
        [("X-Forwarded-Protocol", "https")],
        [("X-Scheme", "https")],
        [("X-Url-Scheme", "https")],
        [("X-Forwarded-Ssl", "on")],
        [("X-Forwarded-Ssl", "1")],
        [("X-Forwarded-Port", "443")],
        [("CF-Visitor", '{"scheme":"https"}')],
        [("CF-Visitor", '{"scheme": "HTTPS"}'), ("X-Forwarded-Proto", "http")],
        [("X-Forwarded-Proto", "https"), ("Host", "leadscore.test:80")],
        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "leadscore.test:443")],
        [("X-Forwarded-Port", "443"), ("Forwarded", 'host="leadscore.test:80"')],
        [("Front-End-Https", "On")],
        [("Forwarded", "proto=https")],
        [("Forwarded", 'for="[2001:db8::1]";Proto="HTTPS";by=203.0.113.43, for=10.0.0.1;proto=http')],
        [("Forwarded", "for=192.0.2.1"), ("Forwarded", "for=10.0.0.1; proto=https")],
    ],
    ids=str,
)
async def test_https_is_reported_if_the_browser_used_it(web: Api, headers: Headers) -> None:
    assert await told(web, *headers) == "https://leadscore.test/v1"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Forwarded-Proto", "http")],
        [("X-Forwarded-Proto", "http, https")],
        [("X-Forwarded-Proto", "")],
        [("X-Forwarded-Proto", "javascript")],
        [("X-Forwarded-Ssl", "off")],
        [("X-Forwarded-Ssl", "0")],
        [("X-Forwarded-Port", "80")],
        [("X-Forwarded-Port", "8443")],
        [("CF-Visitor", '{"scheme":"http"}')],
        [("Host", "leadscore.test:80")],
        [("Forwarded", "for=192.0.2.1;proto=http, for=10.0.0.1;proto=https")],
        [("Forwarded", "notproto=https")],
    ],
    ids=str,
)
async def test_https_only_between_proxies_is_not_reported(web: Api, headers: Headers) -> None:
    assert await told(web, *headers) == "http://leadscore.test/v1"


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ([("X-Forwarded-Host", "leads.example.com")], "leads.example.com"),
        ([("X-Forwarded-Host", "leads.example.com:8443, inner")], "leads.example.com:8443"),
        ([("X-Forwarded-Host", "[2001:db8::1]:8443")], "[2001:db8::1]:8443"),
        ([("Forwarded", 'host="leads.example.com:8443";proto=http')], "leads.example.com:8443"),
        ([("X-Forwarded-Host", "leads.example.com/path")], "leadscore.test"),
        ([("X-Forwarded-Host", "a@leads.example.com")], "leadscore.test"),
        ([("X-Forwarded-Host", "")], "leadscore.test"),
        ([("X-Forwarded-Host", "two words")], "leadscore.test"),
    ],
    ids=str,
)
async def test_the_host_requested_by_the_browser_is_reported(web: Api, headers: Headers, host: str) -> None:
    assert await told(web, *headers) == f"http://{host}/v1"


@pytest.mark.parametrize(
    ("headers", "prefix"),
    [
        ([("X-Forwarded-Prefix", "/leads")], "/leads"),
        ([("X-Forwarded-Prefix", "/tools/leads/")], "/tools/leads"),
        ([("X-Forwarded-Prefix", "leads")], "/leads"),
        ([("X-Forwarded-Prefix", "/tools, /leads")], "/tools/leads"),
        ([("X-Forwarded-Prefix", "/tools"), ("X-Forwarded-Prefix", "/leads")], "/tools/leads"),
        ([("X-Forwarded-Prefix", "/")], ""),
        ([("X-Forwarded-Prefix", "")], ""),
        ([("X-Forwarded-Prefix", "/leads?x=1")], ""),
        ([("X-Forwarded-Prefix", "/le ads")], ""),
    ],
    ids=str,
)
async def test_a_prefix_stripped_by_a_proxy_is_reported(web: Api, headers: Headers, prefix: str) -> None:
    assert await told(web, *headers) == f"http://leadscore.test{prefix}/v1"


async def test_the_documentation_works_behind_a_prefix(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    assert document["servers"] == [{"url": "."}]  # relative to the document itself, as are the addresses of /docs
