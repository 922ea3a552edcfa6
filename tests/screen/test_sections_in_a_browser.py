"""The pages of reports, models, insight and operations in Chromium: accessible, quiet, and on their own origin."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from app.api.accounts import list_accounts
from app.documents.backtests import BacktestDocument
from app.insight.questions import Question
from app.main import create_app
from app.services.backtests import backtest_model
from app.services.keys import create_key
from app.services.models import draft, starter, starter_text
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.accounts import count_accounts
from tests import databases
from tests.screen.conftest import DEMO_NOW
from tests.screen.site import in_thread

CHROMIUM = os.environ.get("LEADSCORE_TEST_CHROMIUM") or shutil.which("chromium")
FORMS: list[tuple[int, Literal["light", "dark"]]] = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
REPORT = (
    "addEventListener('securitypolicyviolation', (e) => console.error(`refused by policy: ${e.violatedDirective}`))"
)
PAGES = (
    *("accounts", "accounts/{account}"),
    *("funnel", "signals?all=true", "signals/pricing_viewed", "insight", "insight/jobs/{job}"),
    *("model", "model/edit", "model/2", "model/2/preview", "model/rollouts/1"),
    *("ops?by=hour", "ops/rejections", "ops/rejections/release", "ops/deliveries", "ops/keys", "ops/keys/{key}/revoke"),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: set LEADSCORE_TEST_CHROMIUM to its path")


async def prepare(url: str) -> dict[str, str]:
    """A draft and a backtest that is done. Returns the ids that paths need, and the secret of an admin key."""
    runtime = Runtime(Settings(database_url=url), lambda: DEMO_NOW)
    await runtime.open()
    made = await create_key(runtime.database, "admin", "ada", DEMO_NOW)
    text = starter_text().replace("at_least: 3, within_days: 14", "at_least: 2, within_days: 14")
    await draft(runtime.database, starter(), "Two <b>features</b> are enough", DEMO_NOW, text=text, author="ada")
    await runtime.jobs.create("backtest", {"outcome": "lead", "within_days": 14, "every": "week", "model": "active"})
    job = await runtime.jobs.claim(runtime.id)
    async with runtime.database.read() as connection:
        model = await runtime.models.active(connection)
    reports = await backtest_model(runtime.database, runtime.models, Question("lead", 14, DEMO_NOW), model)
    assert job is not None
    await runtime.jobs.finish(job, {name: _written(report) for name, report in reports.items()})
    await count_accounts(runtime, asyncio.Event())
    account = (await list_accounts(runtime)).data[0].id
    await runtime.stop()
    return {"key": str(made.key.id), "secret": made.secret, "job": str(job.id), "account": str(account)}


def _written(report: object) -> object:
    return BacktestDocument.model_validate(report).model_dump(mode="json")


@contextmanager
def browsing(base: str, secret: str, seen: list[str]) -> Iterator[Page]:
    """A signed-in page. What it complains about, or asks of others, is added to `seen`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.add_init_script(REPORT)
        page.goto(f"{base}/sign-in")
        page.fill("input[name=key]", secret)
        page.keyboard.press("Enter")
        page.wait_for_url("**/ui/leads*")
        page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda asked: seen.append(asked.url) if not asked.url.startswith((base, "data:")) else None)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def site(demo_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    path = shutil.copy(demo_template, tmp_path_factory.mktemp("site") / "demo.db")
    url = f"sqlite+aiosqlite:///{path}"
    known = databases.run(prepare(url))
    with in_thread(create_app(Settings(database_url=url), lambda: DEMO_NOW, workers=False)) as origin:
        yield f"{origin}/ui", known


def test_every_page_is_accessible_in_four_forms(site: tuple[str, dict[str, str]]) -> None:
    (base, known), axe, found = site, Axe(), []
    seen: list[str] = []
    with browsing(base, known["secret"], seen) as page:
        for path in PAGES:
            page.goto(f"{base}/{path.format(**known)}")
            page.wait_for_load_state("networkidle")
            for width, scheme in FORMS:
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                result = axe.run(page)
                found += [
                    (path, width, scheme, each["id"], each["nodes"][0]["html"])
                    for each in result.response["violations"]
                ]
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    found.append((path, width, scheme, "wider than the window", ""))
    assert found == [], "\n".join(map(str, found))
    assert seen == []


def test_the_editor_checks_completes_and_keeps_what_is_written(site: tuple[str, dict[str, str]]) -> None:
    base, known = site
    seen: list[str] = []
    with browsing(base, known["secret"], seen) as page:
        page.goto(f"{base}/model/edit")
        page.get_by_role("textbox", name="The model, in YAML").click()
        page.keyboard.press("Control+Home")
        page.keyboard.type("sig")
        page.keyboard.press("Control+Space")
        page.get_by_role("option", name="signals").wait_for()
        page.keyboard.press("Escape")
        page.locator("#checks [data-severity=error]").first.wait_for()
        page.reload()
        page.get_by_role("button", name="Bring back what you wrote").click()
        assert page.locator("#text").input_value().startswith("sig")
        page.locator("#checks [data-severity=error]").first.wait_for()
    assert seen == []


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


def test_completion_knows_what_can_be_written_where(site: tuple[str, dict[str, str]]) -> None:
    base, known = site
    with browsing(base, known["secret"], []) as page:
        page.goto(f"{base}/model/edit")
        script = page.locator("script[src$='editor.js']").get_attribute("src") or ""
        url = f"{base}/model/{script.replace('editor.js', 'completion.js')}"
        offered = page.evaluate(OPTIONS_AT, [url, [before for before, _ in COMPLETIONS]])
    assert [wanted for (_, wanted), labels in zip(COMPLETIONS, offered, strict=True) if wanted not in labels] == []


def test_drafting_works_without_script(site: tuple[str, dict[str, str]]) -> None:
    base, known = site
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(f"{base}/sign-in")
        page.fill("input[name=key]", known["secret"])
        page.keyboard.press("Enter")
        page.wait_for_url("**/ui/leads*")
        page.goto(f"{base}/model/edit")
        text = page.input_value("#text")
        page.fill("#text", text.replace("points: 4, per_day: 3", "points: 5, per_day: 3"))
        page.get_by_role("button", name="Check").click()
        assert "points 4 → 5" in page.inner_text("#checks")
        page.fill("input[name=note]", "Features count more")
        page.get_by_role("button", name="Keep as draft").click()
        assert "Features count more" in page.inner_text("h1 + p")
        browser.close()
