"""The screen in a real browser: accessible in every form, within its own security policy, and usable by keyboard.

One server and one browser for all tests. LEADSCORE_TEST_CHROMIUM may name a Chromium other than Debian's;
if it does, these tests are never skipped.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.api.server import fresh_database
from tests.screen.people import BUYER
from tests.screen.site import PREFIX, Site, serving

CHROMIUM = os.environ.get("LEADSCORE_TEST_CHROMIUM", "/usr/bin/chromium")
FORMS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]

expect.set_options(timeout=30_000)  # a busy machine is not a failure

pytestmark = pytest.mark.skipif(
    "LEADSCORE_TEST_CHROMIUM" not in os.environ and not Path(CHROMIUM).exists(),
    reason=f"there is no Chromium at {CHROMIUM}",
)


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with fresh_database(request, "sqlite") as url, serving(url) as site:
        yield site


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """After the site, which could not run coroutines of its own beside Playwright's."""
    with sync_playwright() as playwright:
        # Without a sandbox: CI runs as root in a container, and only our own pages are visited.
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@pytest.fixture(scope="module")
def cookies(site: Site, browser: Browser) -> Any:
    """What a browser keeps that is signed in with the admin key."""
    context = browser.new_context()
    sign_in(context.new_page(), site)
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def context(browser: Browser, cookies: Any, site: Site) -> Iterator[BrowserContext]:
    """A signed-in browser that starts on the site, at 1280 × 900."""
    context = browser.new_context(
        storage_state=cookies, base_url=site.url, viewport={"width": 1280, "height": 900}, timezone_id="Asia/Tokyo"
    )
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def sign_in(page: Page, site: Site, prefix: str = "") -> None:
    page.goto(f"{site.url}{prefix}/ui/sign-in")
    page.get_by_label("A key of kind").fill(site.keys["admin"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/ui/leads")


def settle(page: Page, path: str) -> None:
    """Open a page and wait for its parts."""
    page.goto(path)
    expect(page.locator("[aria-busy]")).to_have_count(0)


def watch(page: Page) -> list[str]:
    """What the browser complains about from now on, and which other servers it asks."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("request", lambda asked: None if "//127.0.0.1:" in asked.url else complaints.append(asked.url))
    return complaints


def pages(site: Site) -> list[str]:
    lead = site.lead(BUYER)
    lists = ["/ui/leads?sort=engagement&min_score=fit:10", "/ui/leads?q=nobody"]
    return ["/ui/sign-in", *lists, lead, f"{lead}/history", f"{lead}/events", site.hostile[0]]


def test_every_page_is_accessible_in_every_form_and_keeps_to_its_policy(site: Site, page: Page) -> None:
    complaints, violations, axe = watch(page), [], Axe()
    for path in pages(site):
        settle(page, path)
        for scheme, width in FORMS:
            # Without motion, no colour is caught halfway to another.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            found = axe.run(page).response["violations"]
            nodes = [(each["id"], node["html"][:200]) for each in found for node in each["nodes"]]
            violations += [(path, scheme, width, *node) for node in nodes]
    assert violations == []
    assert complaints == []


def test_an_error_page_is_accessible(page: Page) -> None:
    page.goto("/ui/nowhere")
    assert Axe().run(page).response["violations"] == []


def test_no_page_is_wider_than_a_phone(site: Site, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    for path in [*pages(site), *site.hostile]:
        settle(page, path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_hostile_texts_run_nothing(site: Site, page: Page) -> None:
    complaints = watch(page)
    for path in site.hostile:
        for part in ("", "/history", "/events"):
            settle(page, path + part)
            assert page.locator("main img, main script, main iframe").count() == 0
    assert complaints == []


def test_a_lead_is_found_opened_and_explained_by_keyboard_alone(page: Page) -> None:
    settle(page, "/ui/leads")
    page.keyboard.press("/")
    page.keyboard.type("buyer@")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/leads?q=buyer%40")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Ada Byron")).to_be_focused()
    page.keyboard.press("w")
    page.wait_for_url("**/ui/leads/*#why")
    expect(page.locator("#why")).to_be_in_viewport()
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url("**/ui/leads")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/leads/*")


def test_brackets_lead_through_the_list(page: Page) -> None:
    settle(page, "/ui/leads?sort=fit")
    paths = [link.get_attribute("href") for link in page.locator("[data-row]").all()]
    page.locator("[data-row]").first.click()
    page.wait_for_url(f"**/{str(paths[0])[2:]}")  # with its script, which has the shortcuts
    page.keyboard.press("]")
    page.wait_for_url(f"**/{str(paths[1])[2:]}")
    page.keyboard.press("[")
    page.wait_for_url(f"**/{str(paths[0])[2:]}")


def test_shortcuts_are_listed_and_can_be_switched_off(page: Page) -> None:
    settle(page, "/ui/leads")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    settle(page, "/ui/leads?sort=fit")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement === document.body")


def test_no_shortcut_fires_in_a_field_or_with_a_modifier(page: Page) -> None:
    settle(page, "/ui/leads")
    page.locator("#q").press_sequentially("gl?jkwc")
    expect(page.locator("#q")).to_have_value("gl?jkwc")
    page.locator("h1").click()
    page.keyboard.press("Control+j")
    assert page.url.endswith("/ui/leads")
    assert page.evaluate("document.activeElement.dataset.row") is None


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    settle(page, "/ui/leads")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_back_leads_to_the_same_list_and_a_pasted_url_to_the_same_page(page: Page, context: BrowserContext) -> None:
    settle(page, "/ui/leads?sort=fit&min_score=engagement:20")
    rows = page.locator("main tbody").inner_text()
    page.locator("[data-row]").first.click()
    page.wait_for_url("**/ui/leads/*")
    page.go_back()
    assert page.locator("main tbody").inner_text() == rows
    other = context.new_page()
    settle(other, page.url)
    assert other.locator("main tbody").inner_text() == rows


def test_times_are_in_the_reader_s_zone_with_utc_as_title(page: Page) -> None:
    settle(page, "/ui/leads")
    time = page.locator(".head time")
    expect(time).to_have_text("21:00")  # in Tokyo
    assert time.get_attribute("title") == "10 March 2026, 12:00:00 UTC"


def test_what_is_copied_is_announced_and_works(page: Page, context: BrowserContext, site: Site) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    settle(page, "/ui/leads?sort=fit")
    page.get_by_role("button", name="curl").click()
    expect(page.get_by_role("status")).to_have_text("Command copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == f"curl -H \"Authorization: Bearer $READ\" '{site.url}/v1/leads?sort=fit&reasons=2'"


def test_everything_works_below_a_path(site: Site, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    complaints = watch(page)
    sign_in(page, site, PREFIX)
    settle(page, page.url)
    page.get_by_role("link", name="Ada Byron").click()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_role("heading", name="Scores over time")).to_be_visible()
    page.get_by_role("link", name="Leads").first.click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"**{PREFIX}/ui/sign-in")
    assert complaints == []
    context.close()


def test_everything_works_without_a_script(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, site)
    page.locator("#q").fill("buyer@")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Ada Byron").click()
    page.get_by_role("link", name="Show the scores over time").click()
    expect(page.get_by_role("img", name="Scores from")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Show what happened").click()
    expect(page.get_by_text("Became Marketing-qualified")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/ui/sign-in")
    context.close()
