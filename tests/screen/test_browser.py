"""The screen in a real browser: usable by keyboard, by link, without a script, and below a path."""

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, expect

from tests.screen.chromium import needs_chromium, settle, sign_in, watch
from tests.screen.people import BUYER
from tests.screen.site import PREFIX, Site

pytestmark = needs_chromium


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


def test_no_shortcut_fires_in_the_editor(page: Page) -> None:
    page.goto("/ui/model/edit")
    page.get_by_role("textbox", name="The model, in YAML").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("# gl/?jkwc")
    assert page.locator("#text").input_value().startswith("# gl/?jkwc")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.url.endswith("/ui/model/edit")


def test_a_menu_closes_with_escape_a_click_elsewhere_or_another_menu(page: Page) -> None:
    settle(page, "/ui/leads")
    menus, (filtering, sorting) = page.locator("details.menu[open]"), page.locator("details.menu summary").all()
    filtering.click()
    sorting.click()
    expect(menus).to_have_count(1)
    page.locator("h1").click()
    expect(menus).to_have_count(0)
    filtering.click()
    page.get_by_label("Seen since").focus()
    page.keyboard.press("Escape")
    expect(menus).to_have_count(0)
    expect(filtering).to_be_focused()


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
    expect(time).to_have_text("19:30")  # in Tokyo
    assert time.get_attribute("title") == "4 March 2026, 10:30:00 UTC"


def test_what_is_copied_is_announced_and_works(page: Page, context: BrowserContext, site: Site) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    settle(page, "/ui/leads?sort=fit")
    page.get_by_role("button", name="curl").click()
    expect(page.get_by_role("status")).to_have_text("Command copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == f"curl -H \"Authorization: Bearer $READ\" '{site.url}/v1/leads?sort=fit&reasons=2'"


def test_everything_works_below_a_path(site: Site, chromium: Chromium) -> None:
    context = chromium.new_context()
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


def test_a_part_says_if_the_server_cannot_be_reached(page: Page, site: Site) -> None:
    page.route("**/history", lambda route: route.abort())
    page.goto(site.lead(BUYER))
    part = page.get_by_role("link", name="The server could not be reached. Show the scores over time")
    expect(part).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    page.unroute("**/history")
    part.click()
    expect(page.get_by_role("img", name="Scores from")).to_be_visible()


def test_everything_works_without_a_script(site: Site, chromium: Chromium) -> None:
    context = chromium.new_context(java_script_enabled=False)
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
