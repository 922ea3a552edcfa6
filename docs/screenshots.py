"""`make screenshots`: pictures of the screen in docs/images, taken by Chromium from the demo data."""

import asyncio
import os
import shutil
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from app.cli.demo import fill
from app.clock import utc_now
from app.logs import configure_logs
from app.main import create_app
from app.services.keys import create_key
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.accounts import count_accounts
from tests.screen.site import in_thread

FOLDER = Path(__file__).with_name("images")
WIDTH, HEIGHT = 1280, 860
CHROMIUM = os.environ.get("LEADSCORE_TEST_CHROMIUM") or shutil.which("chromium")

PAGES = {
    "leads": "leads?sort=engagement",
    "accounts": "accounts?sort=engagement",
    "funnel": "funnel",
    "signals": "signals",
    "signal": "signals/pricing_viewed",
    "model": "model",
    "editor": "model/edit",
    "draft": "model/2",
    "preview": "model/2/preview",
    "rollout": "model/rollouts/1",
    "insight": "insight",
    "operations": "ops?by=hour",
    "rejections": "ops/rejections",
    "deliveries": "ops/deliveries",
    "keys": "ops/keys",
}


FIRST_ROWS = {"lead": f"{PAGES['leads']}&stage=mql", "account": "accounts?sort=leads"}
"""Pages that the first row of another opens."""


async def prepare(settings: Settings) -> str:
    """Returns the secret of an admin key."""
    runtime = Runtime(settings, utc_now)
    await runtime.open()
    await count_accounts(runtime, asyncio.Event())
    made = await create_key(runtime.database, "admin", "ada@example.com", utc_now())
    await runtime.stop()
    return made.secret


def take(page: Page, base: str) -> None:
    for name, path in PAGES.items():
        page.goto(f"{base}/{path}")
        page.wait_for_load_state("networkidle")
        save(page, name)
    for name, path in FIRST_ROWS.items():
        page.goto(f"{base}/{path}")
        page.locator("[data-row]").first.click()
        page.wait_for_load_state("networkidle")
        save(page, name)


def save(page: Page, name: str) -> None:
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    image.save(FOLDER / f"{name}.webp", lossless=True, method=6)


def main() -> None:
    if CHROMIUM is None:
        sys.exit("This needs Chromium: set LEADSCORE_TEST_CHROMIUM to its path.")
    configure_logs("warning")
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/demo.db")
        fill(settings)
        secret = asyncio.run(prepare(settings))
        with in_thread(create_app(settings)) as origin, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce")
            page.goto(f"{origin}/ui/sign-in")
            save(page, "sign-in")
            page.fill("input[name=key]", secret)
            page.keyboard.press("Enter")
            page.wait_for_url("**/ui/leads*")
            take(page, f"{origin}/ui")
            browser.close()


if __name__ == "__main__":
    main()
