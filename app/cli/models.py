"""`leadscore model lint`, `test`, `diff`, `list` and `show`.

Output is built from the same documents as the API's answers; `--json` prints them unchanged.
"""

from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.text import Text

from app.cli import model_tables
from app.cli.arguments import AsJson, show_json
from app.cli.model_targets import File, Found, Target, find, read_model
from app.cli.runtime import with_database
from app.cli.terminal import counted, err, show
from app.documents.model_checks import DifferenceDocument, ExampleDocument, WarningDocument
from app.documents.models import ModelDocument, VersionDocument, VersionPage
from app.documents.parameters import MAX_VERSION
from app.scoring.diff import compare
from app.scoring.model import dump_model, dump_yaml
from app.services.model_checks import check_model
from app.services.models import list_versions

commands = typer.Typer()


class Warnings(BaseModel):
    warnings: list[WarningDocument]


class Examples(BaseModel):
    examples: list[ExampleDocument]


class FileDocument(Warnings, Examples):
    """The part of a `ModelDocument` that a file has, which is not a version."""

    name: str
    document: dict[str, Any]


class Differences(BaseModel):
    """A `DiffDocument`, with null for a file, which has no version number."""

    before: int | None
    after: int | None
    differences: list[DifferenceDocument]


@commands.command("lint")
def lint_model(file: File, *, json: AsJson = False) -> None:
    """Warn about what is valid in a model but probably unintended.

    The exit status is 1 if there is a warning.
    """
    written = read_model(file)
    warnings = WarningDocument.list_of(check_model(written.model, written.text))
    if json:
        show_json(Warnings(warnings=warnings))
    else:
        show(*model_tables.warning_lines(warnings))
    raise typer.Exit(1 if warnings else 0)


@commands.command("test")
def try_examples(file: File, *, json: AsJson = False) -> None:
    """Run a model's examples.

    The exit status is 1 if one of them fails.
    """
    examples = list(map(ExampleDocument.of, check_model(read_model(file).model).examples))
    if json:
        show_json(Examples(examples=examples))
    else:
        show(*model_tables.example_lines(examples))
    raise typer.Exit(0 if all(example.holds for example in examples) else 1)


@commands.command("diff")
def diff_models(
    target: Target,
    other: Annotated[str, typer.Option("--with", metavar="TARGET", help="The model to compare with.")] = "active",
    *,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with status 1 if there are differences.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Show how two models differ, in terms of signals, rules and stages."""
    after, before = find(target, other)
    differences = list(map(DifferenceDocument.of, compare(before.model, after.model)))
    if json:
        show_json(Differences(before=before.number, after=after.number, differences=differences))
    else:
        show(*model_tables.difference_lines(differences))
        if recounts := sum(each.recounts for each in differences):
            show(Text(f"* {counted(recounts, 'signal', 'signals')} must be recounted from the event log."), console=err)
    raise typer.Exit(1 if exit_code and differences else 0)


@commands.command("list")
def list_all(*, json: AsJson = False) -> None:
    """List all versions, the latest first."""
    found = with_database(lambda runtime: list_versions(runtime.database, None, MAX_VERSION))
    versions = list(map(VersionDocument.of, found.items))
    if json:
        show_json(VersionPage(data=versions, next_cursor=None))
    else:
        show(model_tables.version_table(versions))


@commands.command("show")
def show_model(target: Target = "active", *, json: AsJson = False) -> None:
    """Print a model as it was written, ready to be edited."""
    [found] = find(target)
    if json:
        show_json(_document_of(found))
    else:
        print(found.text if found.text is not None else dump_yaml(found.model), end="")


def _document_of(found: Found) -> ModelDocument | FileDocument:
    report = check_model(found.model, found.text)
    if found.version is not None:
        return ModelDocument.of_checked(found.version, report)
    return FileDocument(
        name=found.model.name,
        document=dump_model(found.model),
        warnings=WarningDocument.list_of(report),
        examples=list(map(ExampleDocument.of, report.examples)),
    )
