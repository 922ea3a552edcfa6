"""Static files: what is served, for how long, and that it is what its makers published."""

import hashlib
import json
import re
import tomllib
from glob import glob

import pytest

from app.screen import assets
from app.screen.frames import SECTIONS
from tests.api.harness import Api
from tests.screen.harness import Browser, values

SCREEN = assets.FOLDER.parent
VENDORED = json.loads((assets.FOLDER / "vendor" / "files.json").read_text())
PINNED = json.loads((SCREEN.parents[1] / "vendor" / "package.json").read_text())["dependencies"]
TEMPLATES = "".join(path.read_text() for path in (SCREEN / "templates").glob("*.html"))
CODE = "".join(path.read_text() for path in SCREEN.glob("*.py"))


@pytest.mark.parametrize("entry", VENDORED, ids=lambda entry: entry["file"])
def test_a_vendored_file_is_unchanged_and_has_its_licence(entry: dict[str, str]) -> None:
    assert hashlib.sha256((SCREEN / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert PINNED[entry["package"]] == entry["version"]
    assert len((SCREEN / entry["licence"]).read_text()) > 300


def test_every_script_and_font_of_others_is_listed() -> None:
    scripts = {f"{name}.js" for name in ("screen", "sections", "editor", "completion", "unsaved")}
    own = {"screen.css", "pages.css", "sections.css", *scripts}
    listed = {entry["file"].removeprefix("static/") for entry in VENDORED}
    assert set(assets.files()) - own == {name for name in listed if not name.startswith("templates/")}


def test_the_sprite_has_the_icons_that_are_used() -> None:
    drawn = set(re.findall(r'<symbol id="i-([\w-]+)"', (SCREEN / "templates" / "icons.svg").read_text()))
    named = set(re.findall(r'icon\("([\w-]+)"', TEMPLATES)) | {section.icon for section in SECTIONS}
    assert named - drawn == set()
    assert [name for name in sorted(drawn) if f'"{name}"' not in TEMPLATES + CODE] == []


def test_templates_have_no_inline_script_style_or_handler() -> None:
    assert re.findall(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|hx-on|\bjs:|\|\s*safe\b", TEMPLATES) == []


async def test_a_file_by_its_digest_is_kept_for_good(browser: Browser) -> None:
    page = await browser.page("/ui/leads")
    loaded = [path for path in values(page, "src") + values(page, "href") if "static/" in path]
    assert len(loaded) == 5
    for path in loaded:
        answer = await browser.get(f"/ui/{path}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_pages_and_files_are_compressed_and_the_api_is_not(api: Api, browser: Browser) -> None:
    for path in ("/ui/leads", f"/ui/static/{assets.digest()}/screen.css"):
        answer = await browser.get(path)
        assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert "content-encoding" not in (await browser.get(path, Accept_Encoding="identity")).headers
    assert "content-encoding" not in (await api.client.get("/v1/models", headers=api.bearer("read"))).headers


@pytest.mark.parametrize(
    ("name", "kind"), [("screen.css", "text/css"), ("screen.js", "text/javascript"), ("inter.woff2", "font/woff2")]
)
async def test_a_file_has_its_type(browser: Browser, name: str, kind: str) -> None:
    answer = await browser.get(f"/ui/static/{assets.digest()}/{name}")
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.content == (assets.FOLDER / name).read_bytes()


def test_the_wheel_takes_templates_and_static_files_along() -> None:
    project = tomllib.loads((SCREEN.parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["app.screen"]
    # With setuptools' own function: to pathlib, `**` means folders only.
    shipped = {path for pattern in patterns for path in glob(pattern, root_dir=SCREEN, recursive=True)}  # noqa: PTH207
    files = {path.relative_to(SCREEN).as_posix() for path in SCREEN.rglob("*") if path.suffix not in {".py", ".pyc"}}
    assert {path for path in files if (SCREEN / path).is_file()} <= shipped
