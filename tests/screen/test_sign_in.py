"""Signing in to the screen with a key, with a link and by a proxy's header, and how it ends."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.services.keys import list_keys, revoke_key
from app.services.sign_ins import create_link, prune_sign_ins
from app.storage.keys import KeyKind
from tests.api.harness import Api, running
from tests.screen.harness import ORIGIN, Browser

PROXY = "10.1.2.3"
ELSEWHERE = ("//evil.example", "https://evil.example", "/leads", "../v1", "leads\\..", "javascript:x", "a b", "")
BY_PROXY: dict[str, Any] = {
    "trusted_proxies": "10.1.0.0/16",
    "screen_user_header": "X-Forwarded-User",
    "screen_admins": "ada",
}


async def key_id(api: Api, kind: KeyKind) -> UUID:
    return next(key.id for key in await list_keys(api.runtime.database) if key.kind == kind)


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/ui/leads")).status_code == 200


@pytest.mark.parametrize("kind", ["read", "admin"])
async def test_a_key_that_reads_signs_a_browser_in(api: Api, kind: KeyKind) -> None:
    browser = Browser(api)
    assert not await is_signed_in(browser)
    answer = await browser.sign_in(kind)
    assert (answer.status_code, answer.headers["location"]) == (303, "leads")
    assert f", {kind}" in await browser.page("/ui/leads")


async def test_no_other_key_does(api: Api) -> None:
    browser = Browser(api)
    for kind in ("write", "server"):
        answer = await browser.post("/ui/sign-in", key=api.keys[kind])
        assert answer.status_code == 403
        assert f"A key of kind {kind} can" in answer.text
    for key in ("", "ls_read_unknown", "ls_admin_" + "x" * 5_000, "\x00"):
        assert (await browser.post("/ui/sign-in", key=key)).status_code == 401
    assert not await is_signed_in(browser)


async def test_without_a_sign_in_a_page_leads_to_the_form_and_back(api: Api) -> None:
    browser = Browser(api)
    answer = await browser.get("/ui/leads?stage=mql&sort=fit")
    assert answer.headers["location"] == "./sign-in?next=leads%3Fstage%3Dmql%26sort%3Dfit"
    assert 'value="leads?stage=mql&amp;sort=fit"' in await browser.page("/ui/" + answer.headers["location"][2:])
    back = await browser.sign_in("read", next="leads?stage=mql&sort=fit")
    assert back.headers["location"] == "leads?stage=mql&sort=fit"


async def test_signing_in_never_leads_to_another_site(api: Api) -> None:
    for elsewhere in ELSEWHERE:
        assert (await Browser(api).sign_in("read", next=elsewhere)).headers["location"] == "leads"


async def test_a_part_of_a_page_makes_the_browser_load_the_page_again(api: Api) -> None:
    answer = await Browser(api).get("/ui/leads", HX_Request="true")
    assert (answer.status_code, answer.headers["hx-refresh"]) == (401, "true")


async def test_a_sign_in_ends_after_twelve_idle_hours(api: Api, browser: Browser) -> None:
    for _ in range(3):
        api.clock.now += timedelta(hours=11, minutes=59)
        assert await is_signed_in(browser)
    api.clock.now += timedelta(hours=12)
    assert not await is_signed_in(browser)


async def test_a_sign_in_ends_after_seven_days_however_busy(api: Api, browser: Browser) -> None:
    began = api.clock.now
    while await is_signed_in(browser):
        api.clock.now += timedelta(hours=6)
    assert api.clock.now - began == timedelta(days=7)


async def test_revoking_a_key_ends_its_sign_ins(api: Api, browser: Browser, admin: Browser) -> None:
    await revoke_key(api.runtime.database, await key_id(api, "read"), api.clock.now)
    assert not await is_signed_in(browser)
    assert await is_signed_in(admin)


async def test_a_key_that_expires_ends_its_sign_ins(api: Api) -> None:
    browser = Browser(api)
    await browser.post("/ui/sign-in", key=await api.new_key("read", expires_at=api.clock.now + timedelta(hours=1)))
    assert await is_signed_in(browser)
    api.clock.now += timedelta(hours=1)
    assert not await is_signed_in(browser)


async def test_signing_out_ends_the_sign_in_even_for_whoever_copied_the_cookie(api: Api, browser: Browser) -> None:
    copied = dict(browser.client.cookies)
    answer = await browser.post("/ui/sign-out")
    assert answer.headers["location"] == "sign-in"
    assert not browser.client.cookies
    browser.client.cookies.update(copied)
    assert not await is_signed_in(browser)


async def test_a_link_is_good_for_one_browser(api: Api) -> None:
    link = f"/ui/sign-in/{await create_link(api.runtime.database, 'ada', 'admin', api.clock.now)}"
    first, second = Browser(api), Browser(api)
    for _ in range(2):  # by a program that previews links
        assert "Sign in here" in await second.page(link)
    answer = await first.post(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "../leads")
    assert "<bdi>ada</bdi></b>, admin" in await first.page("/ui/leads")
    assert (await second.post(link)).status_code == 401
    assert not await is_signed_in(second)


async def test_a_link_is_good_for_ten_minutes(api: Api) -> None:
    link = f"/ui/sign-in/{await create_link(api.runtime.database, 'ada', 'admin', api.clock.now)}"
    api.clock.now += timedelta(minutes=10)
    assert (await Browser(api).post(link)).status_code == 401


async def test_the_token_of_a_link_is_no_cookie(api: Api) -> None:
    browser = Browser(api)
    browser.client.cookies.set("leadscore", await create_link(api.runtime.database, "ada", "admin", api.clock.now))
    assert not await is_signed_in(browser)


async def test_pruning_keeps_whoever_is_still_signed_in(api: Api, browser: Browser) -> None:
    api.clock.now += timedelta(hours=11)
    await prune_sign_ins(api.runtime.database, api.clock.now)
    assert await is_signed_in(browser)


async def test_over_tls_the_cookie_is_bound_to_the_host(api: Api) -> None:
    answer = await Browser(api, origin="https://leadscore.test").sign_in("read")
    name, _, attributes = answer.headers["set-cookie"].partition("=")
    assert name == "__Host-leadscore"
    assert attributes.partition("; ")[2] == "HttpOnly; Path=/; SameSite=lax; Secure"


async def test_over_plain_http_the_cookie_has_a_name_of_its_own(api: Api) -> None:
    answer = await Browser(api).sign_in("read")
    name, _, attributes = answer.headers["set-cookie"].partition("=")
    assert name == "leadscore"
    assert attributes.partition("; ")[2] == "HttpOnly; Path=/; SameSite=lax"


async def test_over_tls_the_cookie_of_plain_http_counts_for_nothing(api: Api, browser: Browser) -> None:
    assert (await browser.get("/ui/leads", X_Forwarded_Proto="https")).status_code == 303


async def test_plain_http_is_warned_about_unless_on_this_machine(api: Api) -> None:
    for origin, warns in ((ORIGIN, True), ("http://127.0.0.1:8000", False), ("https://x.test", False)):
        page = await Browser(api, origin=origin).page("/ui/sign-in")
        assert ("not encrypted" in page) is warns


async def test_a_trusted_proxy_names_the_user(sqlite_url: str) -> None:
    async with running(sqlite_url, working=False, **BY_PROXY) as api:
        for peer in (PROXY, f"::ffff:{PROXY}"):  # the latter on a socket for both versions of IP
            for user, kind in (("ada", "admin"), ("bob", "read"), (" ada ", "admin")):
                page = (await Browser(api, peer).get("/ui/leads", X_Forwarded_User=user)).text
                assert f"<bdi>{user.strip()}</bdi></b>, {kind}" in page
                assert "Sign out" not in page


async def test_nobody_else_names_the_user(sqlite_url: str) -> None:
    async with running(sqlite_url, working=False, **BY_PROXY) as api:
        for peer in ("10.2.0.1", "127.0.0.1", "::1", "testclient", "::ffff:10.2.0.1"):
            assert (await Browser(api, peer).get("/ui/leads", X_Forwarded_User="ada")).status_code == 303


async def test_a_proxy_that_names_no_single_user_signs_nobody_in(sqlite_url: str) -> None:
    async with running(sqlite_url, working=False, **BY_PROXY) as api:
        for users in ([], [""], ["ada", "bob"], ["x" * 201]):
            headers = [("X-Forwarded-User", user) for user in users]
            assert (await Browser(api, PROXY).client.get("/ui/leads", headers=headers)).status_code == 303


async def test_without_the_setting_the_header_counts_for_nothing(api: Api) -> None:
    assert (await Browser(api, peer=PROXY).get("/ui/leads", X_Forwarded_User="ada")).status_code == 303
