"""`leadscore model …`: scoring models, from documents in files."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.runtime import with_database
from app.cli.terminal import err, out, progress_bar
from app.errors import UnreadableFile
from app.main import utc_now
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.scoring.examples import run_examples
from app.scoring.model import load_model
from app.services.models import activate
from app.services.runtime import Runtime
from app.services.sweep import Moves, count_leads, roll_out

ModelFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A scoring model, as YAML or JSON.")]

commands = typer.Typer(no_args_is_help=True, help="Scoring models: test them, and make one the active model.")


@commands.command("test")
def test_model(file: ModelFile) -> None:
    """Run a model's examples. The exit status is 1 if one of them fails."""
    if not _examples_hold(_read_model(file)):
        raise typer.Exit(1)


@commands.command("apply")
def apply_model(file: ModelFile) -> None:
    """Make a document the active model, if its examples hold, and evaluate every lead by it."""
    document = _read_model(file)
    if not _examples_hold(document):
        err.print("The model was not applied: its examples fail.")
        raise typer.Exit(1)
    version, moves = with_database(lambda runtime: _apply(runtime, document))
    out.print(f"Version {version} of the model is active; {moves:,} leads changed their stage.")


def _read_model(file: Path) -> ScoringModel:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UnreadableFile(f"{file} is not UTF-8: save it as that.") from None
    return load_model(text)


def _examples_hold(document: ScoringModel) -> bool:
    results = run_examples(compile_model(document, version=0))
    for result in results:
        err.print(f"{'failed' if result.failures else 'holds':6}  {result.name}", markup=False, soft_wrap=True)
        for failure in result.failures:
            err.print(f"        {failure}", markup=False, soft_wrap=True)
    failed = sum(bool(result.failures) for result in results)
    err.print(f"{len(results) - failed} of {len(results)} examples hold.")
    return not failed


async def _apply(runtime: Runtime, document: ScoringModel) -> tuple[int, int]:
    version = await activate(runtime.database, document, utc_now())
    moved = 0
    with progress_bar("leads") as bar:
        task = bar.add_task("evaluating leads", total=await count_leads(runtime.database, version))

        def progress(leads: int, moves: Moves) -> None:
            nonlocal moved
            moved += len(moves)
            bar.advance(task, leads)

        await roll_out(runtime.database, runtime.models, utc_now, runtime.settings.sweep_chunk, progress)
    return version, moved
