"""Chromium for the screen's tests: Debian's, or the one that LEADSCORE_TEST_CHROMIUM names."""

import os
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.screen.site import Site

CHROMIUM = os.environ.get("LEADSCORE_TEST_CHROMIUM", "/usr/bin/chromium")
FLAGS = ["--no-sandbox"]  # CI runs as root in a container, and only our own pages are visited

needs_chromium = pytest.mark.skipif(
    "LEADSCORE_TEST_CHROMIUM" not in os.environ and not Path(CHROMIUM).exists(),
    reason=f"there is no Chromium at {CHROMIUM}",
)

expect.set_options(timeout=30_000)  # a busy machine is not a failure

POLICY_REPORT = (
    "addEventListener('securitypolicyviolation', (e) => console.error(`refused by policy: ${e.violatedDirective}`))"
)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = (1280, 390)
AXE_RUN = "(options) => axe.run(options).then((found) => found.violations)"


def sign_in(page: Page, site: Site, prefix: str = "") -> None:
    page.goto(f"{site.url}{prefix}/ui/sign-in")
    page.get_by_label("A read or admin key").fill(site.keys["admin"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/ui/leads")


def settle(page: Page, path: str) -> None:
    """Open a page and wait for its parts."""
    page.goto(path)
    expect(page.locator("[aria-busy]")).to_have_count(0)


def watch(page: Page) -> list[str]:
    """What the browser complains about from now on, and which other servers it asks."""
    complaints: list[str] = []
    page.add_init_script(POLICY_REPORT)
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("dialog", lambda dialog: dialog.accept() if dialog.type == "beforeunload" else complaints.append("dialog"))
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("request", lambda asked: None if "//127.0.0.1:" in asked.url else complaints.append(asked.url))
    return complaints


def violations(page: Page) -> list[tuple[object, ...]]:
    """What axe finds in light and dark, wide and narrow. In dark only colours differ, so only they are checked."""
    found: list[tuple[object, ...]] = []
    page.evaluate(AXE_SCRIPT)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            # Without motion, no colour is caught halfway to another.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            only = {"runOnly": ["color-contrast", "link-in-text-block"]} if scheme == "dark" else {}
            for each in page.evaluate(AXE_RUN, {"resultTypes": ["violations"], **only}):
                found += [(scheme, width, each["id"], node["html"][:200]) for node in each["nodes"]]
    return found
