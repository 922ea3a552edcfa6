"""What can be set, called, measured, written in a model or answered is documented; and what is documented is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from app.cli import cli
from app.errors import LeadscoreError
from app.main import create_app
from app.metrics import Metrics
from app.scoring import document
from app.scoring.engine import compile_model
from app.scoring.examples import run_examples
from app.scoring.model import load_model
from app.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("benchmarks/*.md"), *ROOT.glob("docs/**/*.md")]
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE_OF_A_MESSAGE = re.compile(r'(?:InvalidMessage|_Unstorable)\((?:[\w, .]*, )?"([a-z-]+)"')


def text_of(*names: str) -> str:
    """Pages as one text without line breaks, since a name may stand at the end of a line."""
    return " ".join(" ".join((ROOT / name).read_text().split()) for name in names)


def commands(command: Any, path: str) -> Iterator[str]:
    """A command, or of a group of commands each of them; typer's own copy of click has no public types."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path
        return
    for name, child in children.items():
        yield from commands(child, f"{path} {name}")


def refusals(cls: type[LeadscoreError]) -> Iterator[type[LeadscoreError]]:
    for child in cls.__subclasses__():
        yield child
        yield from refusals(child)


def anchors(page: Path) -> set[str]:
    """The places in a page that can be linked to, as they are derived from its headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(page.read_text())}


def test_every_setting_is_in_the_readme_with_its_default_and_its_meaning() -> None:
    table = (ROOT / "README.md").read_text()
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default not in ([], None) else "none"
        assert f"| `LEADSCORE_{name.upper()}` | {default} | {field.description} |" in table


def test_every_documented_setting_exists() -> None:
    known = {f"LEADSCORE_{name.upper()}" for name in Settings.model_fields}
    named = {name for page in PAGES for name in re.findall(r"LEADSCORE_(?!TEST_)[A-Z_]+", page.read_text())}
    assert named - known == set()


@pytest.mark.parametrize("pages", [["README.md"], ["docs/api.md", "docs/operations.md"]], ids=str)
def test_every_route_is_documented(pages: list[str]) -> None:
    paths = create_app(Settings(database_url="sqlite:///unused.db")).openapi()["paths"]
    text = text_of(*pages)
    assert [path for path in paths if f"{path}`" not in text and f"{path}?" not in text] == []


def test_every_metric_is_documented_in_operations() -> None:
    suffixes = {"counter": "_total", "info": "_info"}
    names = [f"{metric.name}{suffixes.get(metric.type, '')}" for metric in Metrics().registry.collect()]
    assert [name for name in names if f"| `{name}`" not in text_of("docs/operations.md")] == []


def test_every_command_is_in_the_readme() -> None:
    found = list(commands(typer.main.get_command(cli), "leadscore"))
    assert "leadscore keys create" in found
    assert [command for command in found if command not in text_of("README.md")] == []


def test_every_field_of_a_model_is_in_the_reference() -> None:
    parts = [part for part in vars(document).values() if isinstance(part, type) and issubclass(part, BaseModel)]
    fields = {field.alias or name for part in parts for name, field in part.model_fields.items()}
    assert sorted(name for name in fields if f"`{name}`" not in text_of("docs/model.md")) == []


def test_every_operator_is_documented_with_an_example() -> None:
    lines = (ROOT / "docs/model.md").read_text().splitlines()
    missing = [
        name
        for name in document.OPERATORS
        if not any(line.startswith(f"| `{name}` |") and f"{name}: " in line for line in lines)
    ]
    assert missing == []


def test_every_problem_code_is_documented_in_the_api() -> None:
    sources = "".join(file.read_text() for file in (ROOT / "app").rglob("*.py"))
    codes = {cls.code for cls in refusals(LeadscoreError) if "code" in vars(cls)}
    codes |= set(CODE_OF_A_MESSAGE.findall(sources))
    assert len(codes) > 20
    assert sorted(code for code in codes if f"`{code}`" not in text_of("docs/api.md")) == []


def test_every_link_resolves() -> None:
    broken = []
    for page in PAGES:
        for target in LINK.findall(page.read_text()):
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            if "://" not in target and not (there.exists() and (not anchor or anchor in anchors(there))):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_decision_has_a_number_and_three_sections() -> None:
    numbers = [page.name[:4] for page in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    for page in DECISIONS:
        title, *sections = HEADING.findall(page.read_text())
        assert title.startswith(page.name[:4])
        assert sections == ["Context", "Decision", "Consequence"], page.name


def test_the_readmes_model_is_valid_and_its_examples_hold() -> None:
    (source,) = [code for language, code in FENCED.findall((ROOT / "README.md").read_text()) if language == "yaml"]
    results = run_examples(compile_model(load_model(source), version=1))
    assert results
    assert [result for result in results if result.failures] == []
