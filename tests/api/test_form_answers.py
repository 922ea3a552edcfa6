"""What a browser or a script is answered: a page that says whose fault it is, the way on, or JSON."""

from typing import Any

import pytest

from tests.api.forms import ADA, BROWSER, FORM, only_event, submit
from tests.api.harness import PAGE, Api, accepted, assert_problem, running


async def test_a_browser_gets_a_page_and_a_script_gets_json(web: Api) -> None:
    shown = await submit(web, **BROWSER)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Thank you</h1>" in shown.text
    assert (await submit(web, Accept="application/json")).json()["success"] is True


VISITORS = {
    "no address in its field": {"email": "the marker"},
    "no address in a field that is called otherwise": {"E-Mail *": "the marker"},
    "the field for the address left blank": {"email": " ", "colour": "red"},
    "no address in the field that the key maps": {"Kontakt": "the marker"},
}
SITES = {
    "no field for an address": {"colour": "the marker"},
    "nothing at all": {},
    "an id that means nobody": {"email": "ada@example.com", "userId": "null"},
    "an id that means nobody, beside no address": {"email": "the marker", "userId": "null"},
    "too much in a hidden field": {"email": "ada@example.com", "state": "x" * 40_000},
    "an event that the key does not list": {"email": "ada@example.com", "event": "Other"},
}


@pytest.mark.parametrize(
    ("told", "blamed"),
    [*((told, True) for told in VISITORS.values()), *((told, False) for told in SITES.values())],
    ids=[*VISITORS, *SITES],
)
async def test_the_page_blames_the_visitor_only_for_what_they_filled_in(
    web: Api, told: dict[str, str], blamed: bool
) -> None:
    key = await web.new_key("write", events=["Form Submitted"], trait_map={"Kontakt": "email"})
    shown = await submit(web, told | {"writeKey": key}, **BROWSER)
    assert (shown.status_code >= 400, shown.headers["content-type"]) == (True, "text/html; charset=utf-8")
    assert "marker" not in shown.text
    assert ("look at what you filled in" in shown.text, "not your fault" in shown.text) == (blamed, not blamed)


@pytest.mark.parametrize(
    ("told", "contacts"),
    [
        ({"email": "Ada"}, "email address"),
        ({"phone": "12"}, "telephone number"),
        ({"email": "", "phone": "12"}, "email address or telephone number"),
    ],
)
async def test_the_page_names_what_the_form_asks_for(web: Api, told: dict[str, str], contacts: str) -> None:
    key = await web.new_key("write")
    shown = await submit(web, told | {"writeKey": key}, **BROWSER)
    assert f"your {contacts} above all" in shown.text


MADE_WRONGLY: dict[str, dict[str, Any]] = {
    "a file input": {"files": {"cv": ("cv.txt", b"the marker")}},
    "an encoding that no browser writes": {"content": b"<a/>", "headers": {"Content-Type": "application/xml"}},
    "no encoding": {"content": b"email=ada@example.com"},
    "a body cut off": {"content": b"--X\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=X"}},
    "too many fields": {"data": {"email": "marker", "a": ["1"] * 1_001}},
    "too large a body": {"data": {"email": "marker", "a": "x" * 5_000_000}},
    "an unknown key": {"data": {"email": "marker"}, "params": {"writeKey": "ls_write_unknown"}},
    "an origin that the key does not list": {
        "data": {"email": "marker"},
        "headers": {"Origin": "https://other.example"},
    },
    "a target that is not allowed": {"data": {"email": "marker", "_next": "https://other.example"}},
}


@pytest.mark.parametrize("sent", MADE_WRONGLY.values(), ids=MADE_WRONGLY)
async def test_the_page_says_so_if_the_site_is_misconfigured(web: Api, sent: dict[str, Any]) -> None:
    key = await web.new_key("write", origins=[PAGE])
    asked = {"params": {"writeKey": key}} | sent | {"headers": BROWSER | sent.get("headers", {})}
    shown = await web.client.post(FORM, **asked)
    assert (shown.status_code >= 400, shown.headers["content-type"]) == (True, "text/html; charset=utf-8")
    assert "not your fault" in shown.text
    assert "marker" not in shown.text


async def test_a_browser_gets_no_password_prompt_and_learns_when_to_retry(web: Api) -> None:
    shown = await web.client.post(FORM, data=ADA, headers=BROWSER)
    assert (shown.status_code, shown.headers.get("www-authenticate")) == (401, None)
    web.runtime.writer.close()
    shown = await submit(web, **BROWSER)
    assert (shown.status_code, shown.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(shown.headers["retry-after"]) >= 1


async def test_a_browser_is_redirected_to_origins_allowed_in_the_settings(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        target = f"{PAGE}/thanks?a=1#top"
        answer = await submit(web, ADA | {"_next": target}, **BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, target)
        assert "_next" not in (await only_event(web))["properties"]


async def test_a_script_is_not_redirected(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        assert accepted(await submit(web, ADA | {"_next": f"{PAGE}/thanks"}, Accept="application/json")) == (1, 0)


async def test_a_browser_is_redirected_to_the_keys_own_origins(web: Api) -> None:
    key = await web.new_key("write", origins=[PAGE])
    answer = await submit(web, ADA | {"writeKey": key, "_next": f"{PAGE}/thanks"}, Origin=PAGE, **BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}/thanks")


SAME = {
    "a default port": (PAGE, "https://www.example.com:443/thanks"),
    "capitals": (PAGE, "HTTPS://WWW.Example.com/thanks"),
    "a dot at the end": (PAGE, "https://www.example.com./thanks"),
    "a name as it is read": ("https://xn--mnchen-3ya.example", "https://m\u00fcnchen.example/danke"),
    "a name as it is sent": ("https://m\u00fcnchen.example", "https://xn--mnchen-3ya.example/danke"),
    "a port in the list": ("https://www.example.com:443", f"{PAGE}/thanks"),
    "a slash in the address alone": (PAGE, f"{PAGE}/"),
    "blanks around the address": (PAGE, f" {PAGE}/thanks \n"),
}


@pytest.mark.parametrize(("listed", "target"), SAME.values(), ids=SAME)
async def test_redirect_origins_are_compared_as_browsers_do(sqlite_url: str, listed: str, target: str) -> None:
    async with running(sqlite_url, form_redirects=listed) as web:
        answer = await submit(web, ADA | {"_next": target}, **BROWSER)
    assert (answer.status_code, "location" in answer.headers) == (303, True)


UNSAFE = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "/thanks",
    "javascript:alert(1)",
    f"{PAGE}@elsewhere.example/",
    f"{PAGE}.elsewhere.example/",
    f"{PAGE}:8443/",
    f"{PAGE}\\@elsewhere.example/",
    "https:/\\elsewhere.example",
    "http://www.example.com/",
    "https://[",
    f"{PAGE}/a\r\nSet-Cookie: a=1",
]


async def test_a_browser_is_redirected_nowhere_else(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        for target in UNSAFE:
            shown = await submit(web, ADA | {"_next": target}, **BROWSER)
            assert (shown.status_code, shown.headers.get("location")) == (422, None), target
            assert_problem(await submit(web, ADA | {"_next": target}), 422, "unsafe-redirect")
        assert (await web.told("/v1/leads"))["data"] == []


async def test_a_form_with_a_forbidden_redirect_is_kept_and_the_site_is_blamed(web: Api) -> None:
    shown = await submit(web, ADA | {"_next": UNSAFE[0]}, **BROWSER)
    assert "not your fault" in shown.text
    [kept] = await web.rejections()
    assert (kept["code"], "ada@example.com" in kept["body"]) == ("unsafe-redirect", True)


async def test_a_bot_learns_nothing_and_changes_nothing(api: Api) -> None:
    honest = await submit(api, {"email": "bob@example.com"})
    caught = await submit(api, ADA | {"_gotcha": "buy"})
    assert (caught.status_code, caught.content) == (honest.status_code, honest.content)
    assert (await api.ask("/v1/leads/lookup", email="ada@example.com")).status_code == 404
    assert [item["code"] for item in await api.rejections()] == ["honeypot"]


async def test_a_bot_is_redirected_like_any_visitor(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        answer = await submit(web, ADA | {"_gotcha": "buy", "_next": f"{PAGE}/thanks"}, **BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}/thanks")


async def test_an_empty_honeypot_is_not_a_bot(web: Api) -> None:
    accepted(await submit(web, ADA | {"_gotcha": ""}))
    assert (await only_event(web))["properties"] == ADA | {"form": "contact"}
