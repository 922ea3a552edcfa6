"""`leadscore model publish`: activates a model and evaluates every lead with it before the command ends.

A server does the same in the background. Whichever process holds the claim does the work; the other watches.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter, ValidationError
from rich.text import Text

from app.cli.arguments import AsJson, show_json
from app.cli.model_tables import example_line, warning_lines
from app.cli.model_targets import Target, find_one, read_target
from app.cli.runtime import INTERRUPTED, interruptible, with_database
from app.cli.terminal import counted, err, minute, progress_bar, show
from app.clock import utc_now
from app.documents.model_checks import ExampleDocument, WarningDocument
from app.documents.parameters import Note, VersionOrActive
from app.documents.rollouts import RolloutDocument
from app.errors import ValidationFailed
from app.scoring.document import ScoringModel
from app.services.evaluation import StageMoves
from app.services.model_checks import ModelReport, check_model
from app.services.models import WrittenModel, get_version
from app.services.publishing import activate, publish
from app.services.rollouts import Progress, progress_of, roll_out
from app.services.runtime import Runtime
from app.validation.error_messages import error_message

POLL_S = 0.5

commands = typer.Typer()


@dataclass(frozen=True, slots=True)
class Published:
    """How far a rollout came, and how many leads changed stage: None if other processes evaluated some."""

    progress: Progress
    moved: int | None
    active: int


@commands.command("publish")
@commands.command("apply", hidden=True, help="The same as `publish`.")
def publish_model(
    target: Target,
    notify: Annotated[
        Literal["all", "none"],
        typer.Option(help="Whether to notify subscribers of stage changes caused by the new model."),
    ] = "none",
    note: Annotated[str | None, typer.Option(help="For a file: what is new in this version.")] = None,
    *,
    json: AsJson = False,
) -> None:
    """Activate a model if its examples hold, and evaluate every lead with it."""
    wanted = read_target(target)
    noted = _read_note(note, wanted)
    report = _check(wanted.model) if isinstance(wanted, WrittenModel) else None
    published = with_database(
        lambda runtime: _publish(runtime, wanted, report, noted, notify=notify == "all"), create=report is not None
    )
    if json:
        show_json(RolloutDocument.of(published.progress))
    _report(published, quietly=json)


def _read_note(note: str | None, wanted: WrittenModel | VersionOrActive) -> str | None:
    if note is None:
        return None
    if not isinstance(wanted, WrittenModel):
        raise ValidationFailed(
            "--note is only for a file, which becomes a new version: an existing version keeps its note."
        )
    try:
        return TypeAdapter(Note).validate_python(note)
    except ValidationError as error:
        raise ValidationFailed(f"--note {error_message(error.errors()[0])}.") from None


def _check(model: ScoringModel) -> ModelReport:
    """Show the warnings, and exit if an example fails."""
    report = check_model(model)
    if report.warnings:
        show(*warning_lines(WarningDocument.list_of(report)), console=err)
    examples = list(map(ExampleDocument.of, report.examples))
    if failed := [example for example in examples if not example.holds]:
        show(*map(example_line, failed), console=err)
        _say(
            f"The model was not published: {len(failed)} of {counted(len(examples), 'example fails', 'examples fail')}."
        )
        raise typer.Exit(1)
    return report


def _say(sentence: str) -> None:
    show(Text(sentence), console=err)


def _report(published: Published, *, quietly: bool) -> None:
    """Print the last line, and exit with a status other than 0 unless the rollout is done."""
    progress, version = published.progress, published.progress.rollout.version
    if progress.state == "superseded":
        _say(f"Version {published.active} was published in the meantime: version {version} is no longer active.")
        raise typer.Exit(1)
    if progress.state != "done":
        reached = f"{progress.done or 0:,} of {counted(progress.rollout.leads, 'lead', 'leads')}"
        _say(
            f"Stopped: version {version} is active and has reached {reached}. "
            "A running server continues the rollout; so does running this command again."
        )
        raise typer.Exit(INTERRUPTED)
    moved = published.moved
    changes = "" if moved is None else f"; {counted(moved, 'lead changed its', 'leads changed their')} stage"
    if not quietly:
        show(Text(f"Version {version} of the model is active{changes}."))


async def _publish(
    runtime: Runtime,
    wanted: WrittenModel | VersionOrActive,
    report: ModelReport | None,
    note: str | None,
    *,
    notify: bool,
) -> Published:
    with interruptible() as stopping:
        begun = await _begin(runtime, wanted, report, note, notify=notify)
        progress, moved = await _carry_out(runtime, begun, stopping)
        active = await get_version(runtime.database, None)
    return Published(progress, moved, active.number)


async def _begin(
    runtime: Runtime,
    wanted: WrittenModel | VersionOrActive,
    report: ModelReport | None,
    note: str | None,
    *,
    notify: bool,
) -> Progress:
    database, begun_at = runtime.database, utc_now()
    if isinstance(wanted, WrittenModel):
        model, text = wanted.model, wanted.text
        rollout = await activate(database, model, utc_now, text=text, note=note, notify=notify, report=report)
    else:
        found = await find_one(database, wanted)
        rollout = await publish(database, found.number or 0, utc_now, notify=notify, report=_check(found.model))
    progress = await progress_of(database, rollout.id, utc_now())
    if rollout.published_at < begun_at:
        _say(f"Version {rollout.version} was already published, at {minute(rollout.published_at)} UTC.")
    return progress


async def _carry_out(runtime: Runtime, progress: Progress, stopping: asyncio.Event) -> tuple[Progress, int | None]:
    """Evaluate the leads, or watch another process do it, until all are done or `stopping` is set.

    Returns the progress, and how many leads changed stage: None if another process evaluated some.
    """
    rollout, chunk = progress.rollout, runtime.settings.sweep_chunk
    before, seen, moved = progress.done or 0, 0, 0
    with progress_bar("leads") as bar:
        known: dict[str, Any] = {"completed": before, "before": before, "visible": before < rollout.leads}
        task = bar.add_task("evaluating leads", total=rollout.leads, **known)

        def on_chunk(leads: int, moves: StageMoves) -> bool:
            nonlocal seen, moved
            seen, moved = seen + leads, moved + len(moves)
            bar.advance(task, leads)
            return not stopping.is_set()

        while True:
            if progress.state == "waiting":
                await roll_out(
                    runtime.database, runtime.models, runtime.id, utc_now, chunk, on_chunk, set_aside=runtime.set_aside
                )
            progress = await progress_of(runtime.database, rollout.id, utc_now())
            bar.update(task, completed=progress.done)
            if progress.state in ("done", "superseded") or stopping.is_set():
                return progress, moved if seen >= rollout.leads - before else None
            await _pause(stopping)


async def _pause(stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), POLL_S)
