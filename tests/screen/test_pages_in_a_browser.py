"""Every page in a real browser: accessible in every form, within its own security policy, and harmless; the editor."""

import re
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from app.screen.frames import SECTIONS
from tests.screen.chromium import WIDTHS, needs_chromium, settle, sign_in, violations, watch
from tests.screen.people import BUYER
from tests.screen.site import PREFIX, Site

PAGES = (
    *("sign-in", "leads?sort=engagement&min_score=fit:10&limit=10", "leads?q=nobody"),
    *("accounts", "accounts/{account}"),
    *("funnel", "signals?all=true", "signals/pricing_viewed", "insight", "insight/jobs/{job}"),
    *("model", "model/edit", "model/2", "model/2/preview", "model/rollouts/1"),
    *(
        "ops?by=hour",
        "ops/rejections",
        "ops/rejections/release?code=honeypot",
        "ops/deliveries",
        "ops/keys",
        "ops/keys/{key}/revoke",
    ),
)

pytestmark = needs_chromium


def pages(site: Site) -> list[str]:
    lead = site.lead(BUYER)
    return [*(f"/ui/{path.format(**site.ids)}" for path in PAGES), lead, f"{lead}/history", f"{lead}/events"]


def test_every_page_is_accessible_in_every_form_and_keeps_to_its_policy(site: Site, page: Page) -> None:
    complaints, found = watch(page), []
    for path in [*pages(site), site.hostile[0]]:
        settle(page, path)
        found += [(path, *violation) for violation in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):  # now that of a phone
            found.append((path, "wider than the window"))
    assert found == [], "\n".join(map(str, found))
    assert complaints == []


LINKS = """() => [...document.querySelectorAll("a[href], [hx-get], [data-why]")]
    .map((each) => new URL(each.getAttribute("href") ?? each.getAttribute("hx-get") ?? each.dataset.why, location))
    .map((url) => url.origin + url.pathname + url.search)"""


def test_no_link_leads_nowhere_nor_does_one_of_a_part_that_was_loaded_later(site: Site, chromium: Chromium) -> None:
    page = chromium.new_context(base_url=site.url).new_page()
    sign_in(page, site, PREFIX)
    links: dict[str, str] = {}
    for path in pages(site):
        settle(page, PREFIX + path)
        links |= dict.fromkeys(page.evaluate(LINKS), path)
    own = {link: path for link, path in links.items() if link.startswith(site.url)}
    assert len(own) > 100
    answers = {link: page.request.get(link) for link in own}
    lost = {link: (own[link], answer.status) for link, answer in answers.items() if not answer.ok}
    # A lead has a page, too, at a moment when nothing was known of it.
    assert {link: found for link, found in lost.items() if "as_of=" not in link} == {}
    page.context.close()


def test_an_error_page_is_accessible(page: Page) -> None:
    page.goto("/ui/nowhere")
    assert Axe().run(page).response["violations"] == []


def test_hostile_texts_run_nothing_and_fit_on_a_phone(site: Site, page: Page) -> None:
    complaints = watch(page)
    page.set_viewport_size({"width": 390, "height": 900})
    for path in site.hostile:
        settle(page, path)
        assert page.locator("main img, main script, main iframe").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert complaints == []


# --- Weight and shift -------------------------------------------------------------------------------------------

MAX_BYTES = 100_000
TRANSFERRED = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .reduce((sum, entry) => sum + entry.transferSize, 0)"""
SHIFTS = """() => new Promise((resolve) => {
    const named = (entry) => entry.sources.map(({ node }) => `${entry.value} ${node?.outerHTML ?? node?.textContent}`);
    const observer = new PerformanceObserver((list) => resolve(list.getEntries().flatMap(named)));
    observer.observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve([]))));
})"""


def test_the_first_page_weighs_less_than_100_kilobytes(page: Page) -> None:
    settle(page, "/ui/leads")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("performance.getEntriesByType('resource').length") >= len(("css", "css", "js", "js", "font"))
    assert 0 < page.evaluate(TRANSFERRED) < MAX_BYTES


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_shifts_while_a_section_loads(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    shifts = {}
    for section in SECTIONS:
        settle(page, f"/ui/{section.path}")
        page.wait_for_load_state("networkidle")
        shifts[section.path] = page.evaluate(SHIFTS)
    assert shifts == {section.path: [] for section in SECTIONS}


# --- Releasing ----------------------------------------------------------------------------------------------------


def test_quarantined_messages_are_released_without_script(site: Site, chromium: Chromium) -> None:
    form = {"writeKey": site.keys["write"], "email": "ada@example.com", "_gotcha": "buy"}
    for message_id in ("quarantined-1", "quarantined-2"):
        httpx.post(f"{site.url}/v1/forms/contact", data=form | {"messageId": message_id}).raise_for_status()
    plain = chromium.new_context(java_script_enabled=False, base_url=site.url).new_page()
    sign_in(plain, site)
    plain.goto("/ui/ops/rejections")
    plain.get_by_role("link", name="honeypot").click()
    plain.get_by_role("link", name="Release all of these").click()
    plain.get_by_role("button", name="Release 2").click()
    assert plain.inner_text("h1") == "2 messages released"
    plain.get_by_role("link", name="Back to the rejections").click()
    assert "Nothing was rejected" in plain.inner_text("main")
    plain.context.close()


def test_releasing_is_accessible(site: Site, page: Page) -> None:
    form = {"writeKey": site.keys["write"], "email": "ada@example.com", "_gotcha": "buy", "messageId": "quarantined-3"}
    httpx.post(f"{site.url}/v1/forms/contact", data=form).raise_for_status()
    settle(page, "/ui/ops/rejections/release?q=quarantined-3")
    found = violations(page)
    page.get_by_role("button", name="Release 1").click()
    assert found + violations(page) == []


FILTERS = "min_score=engagement:25&max_score=engagement:60&sales_ready=false&seen_after=2026-01-01&stage=mql&stage=pql"
GROW = """() => {
    const ladder = document.querySelector(".ladder");
    ladder.append(...[...ladder.children].map((stage) => stage.cloneNode(true)));
    for (const link of document.querySelectorAll("th a")) link.textContent = "A long title of a score";
    for (const menu of document.querySelectorAll("details.menu")) menu.open = true;
}"""
OVERFLOW = """() => [
    ...(document.documentElement.scrollWidth > innerWidth ? ["the page"] : []),
    ...[...document.querySelectorAll("th a")].filter((a) => {
        const [inner, outer] = [a, a.closest("th")].map((each) => each.getBoundingClientRect());
        return inner.width > 0 && inner.right > outer.right;
    }).map((a) => a.href),
]"""


@pytest.mark.parametrize("query", ["", f"?q={'nobody-' * 20}&{FILTERS}"])
def test_many_stages_many_filters_and_long_titles_stay_in_their_places(page: Page, query: str) -> None:
    settle(page, f"/ui/leads{query}")
    page.evaluate(GROW)
    for width in (*WIDTHS, 800):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(OVERFLOW) == [], width


OUTSIDE = """() => [...document.querySelectorAll("main .card *")].filter((each) =>
    each.getBoundingClientRect().right > each.closest(".card").getBoundingClientRect().right,
).map((each) => each.outerHTML)"""
BROKEN = """() => [...document.querySelectorAll("td.num")].filter((cell) => {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const lines = new Set([...range.getClientRects()].map((line) => line.top));
    return lines.size > 1 && !/\\s/.test(cell.textContent.trim());
}).map((cell) => cell.textContent)"""


@pytest.mark.parametrize("path", [path for path in PAGES if "{" not in path])
def test_no_number_is_broken_into_lines(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 900})
    settle(page, f"/ui/{path}")
    assert page.evaluate(BROKEN) == []


def test_keys_with_long_names_fit_into_a_narrow_page(site: Site, page: Page) -> None:
    long = {"kind": "write", "name": "a key with quite a long name"}
    httpx.post(f"{site.url}/v1/keys", json=long, auth=(site.keys["admin"], "")).raise_for_status()
    page.set_viewport_size({"width": 390, "height": 900})
    settle(page, "/ui/ops/keys")
    expect(page.get_by_text(long["name"])).to_be_visible()
    assert page.evaluate(OUTSIDE) == []


# --- The editor -------------------------------------------------------------------------------------------------


def test_the_editor_checks_completes_and_keeps_what_is_written(page: Page) -> None:
    complaints = watch(page)
    page.goto("/ui/model/edit")
    page.get_by_role("textbox", name="The model, in YAML").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("sig")
    page.keyboard.press("Control+Space")
    page.get_by_role("option", name="signals").wait_for()
    page.keyboard.press("Escape")
    page.locator("#checks [data-severity=error]").first.wait_for()
    page.reload()
    page.get_by_role("button", name="Restore unsaved changes").click()
    assert page.locator("#text").input_value().startswith("sig")
    page.locator("#checks [data-severity=error]").first.wait_for()
    assert complaints == []


def write(page: Page, text: str) -> None:
    """At the beginning of what the editor has."""
    page.goto("/ui/model/edit")
    page.get_by_role("textbox", name="The model, in YAML").click()
    page.keyboard.press("Control+Home")
    page.keyboard.insert_text(text)


def test_text_is_kept_if_the_sign_in_has_ended(page: Page, cookies: Any) -> None:
    write(page, "# not lost\n")
    page.context.clear_cookies()
    page.get_by_role("button", name="Keep as draft").click()
    page.wait_for_url("**/ui/sign-in")
    page.context.add_cookies(cookies["cookies"])
    page.goto("/ui/model/edit")
    page.get_by_role("button", name="Restore unsaved changes").click()
    assert page.locator("#text").input_value().startswith("# not lost\n")


def test_text_with_faults_is_kept_until_a_version_has_it(page: Page) -> None:
    complaints = watch(page)
    write(page, "# not a draft yet\nnonsense: 1\n")
    page.get_by_role("button", name="Keep as draft").click()
    page.wait_for_url("**/ui/model/drafts")
    expect(page.get_by_text("Kept in this browser.")).to_be_visible()
    page.goto("/ui/model/edit")
    page.get_by_role("button", name="Restore unsaved changes").click()
    page.get_by_role("textbox", name="The model, in YAML").click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+Shift+k")  # deletes the line
    page.get_by_role("button", name="Keep as draft").click()
    page.wait_for_url(re.compile(r"/ui/model/\d+$"))
    settle(page, "/ui/model/edit")
    expect(page.get_by_role("button", name="Restore unsaved changes")).to_be_hidden()
    assert [each for each in complaints if "422" not in each] == []


def test_a_text_is_tried_on_one_person_beside_the_editor(page: Page) -> None:
    complaints = watch(page)
    page.goto("/ui/model/edit")
    page.get_by_label("E-mail address, user id").fill(BUYER)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Ada Byron").wait_for()
    assert page.url.endswith("/ui/model/edit")
    assert violations(page) == []
    assert complaints == []


COMPLETIONS = (
    ("sta", "stages"),
    ("signals:\n  liked:\n    o", "on"),
    ("signals:\n  liked: {on: Liked, wh", "where"),
    ("scores:\n  engagement:\n    rules:\n      demo: {signal: liked,\n             half", "half_life_days"),
    ("scores:\n  engagement:\n    rules:\n      demo:\n        signal: ", "demo_requested"),
    ("stages:\n  - name: a\n  - name: b\n    ke", "keep"),
    ("stages:\n  - name: a\n    when: {all: [{score: engagement, gt", "gte"),
    ("stages:\n  - name: a\n    when:\n      all:\n        - {score: ", "engagement"),
    ("stages:\n  - name: a\n    outcome: ", "won"),
    ("examples:\n  - name: a\n    given:\n      - {ev", "event"),
)
OPTIONS_AT = """async ([url, places]) => {
    const { optionsAt } = await import(url);
    const schema = await (await fetch("schema")).json();
    const whole = document.getElementById("text").value;
    return places.map((before) => optionsAt(schema, before, whole).map((each) => each.label));
}"""


def test_completion_knows_what_can_be_written_where(site: Site, page: Page) -> None:
    page.goto("/ui/model/edit")
    script = page.locator("script[src$='editor.js']").get_attribute("src") or ""
    url = f"{site.url}/ui/model/{script.replace('editor.js', 'completion.js')}"
    offered = page.evaluate(OPTIONS_AT, [url, [before for before, _ in COMPLETIONS]])
    assert [wanted for (_, wanted), labels in zip(COMPLETIONS, offered, strict=True) if wanted not in labels] == []


def test_drafting_works_without_script(site: Site, chromium: Chromium) -> None:
    page = chromium.new_context(java_script_enabled=False).new_page()
    sign_in(page, site)
    page.goto(f"{site.url}/ui/model/edit")
    text = page.input_value("#text")
    page.fill("#text", text.replace("points: 4, per_day: 3", "points: 5, per_day: 3"))
    page.get_by_role("button", name="Check").click()
    assert "points 4 → 5" in page.inner_text("#checks")
    page.fill("input[name=note]", "Features count more")
    page.get_by_role("button", name="Keep as draft").click()
    assert "Features count more" in page.inner_text("h1 + p")
    page.context.close()
