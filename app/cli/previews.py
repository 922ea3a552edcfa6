"""`leadscore model preview`: what publishing a model would change, in tables that fit 80 columns."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import AsJson, show_json
from app.cli.ledgers import line_name, points
from app.cli.model_targets import Target, find_one, read_target
from app.cli.runtime import with_database
from app.cli.terminal import NOTHING, columns, counted, out, progress_bar, section, show
from app.clock import utc_now
from app.documents.leads import LedgerLine, ScoreValue
from app.documents.parameters import VersionOrActive
from app.documents.previews import DistributionDocument, MoverDocument, PreviewDocument, PreviewJobRequest, ScoreSpread
from app.scoring.preview import QUANTILES
from app.services.models import WrittenModel, compile_any
from app.services.previews import MAX_SAMPLE, preview
from app.services.runtime import Runtime

commands = typer.Typer()


@commands.command("preview")
def preview_model(
    target: Target,
    sample: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_SAMPLE, help="Evaluate this many random leads instead of all."),
    ] = None,
    *,
    json: AsJson = False,
) -> None:
    """Show what publishing a model would change. Nothing is changed."""
    wanted = read_target(target)
    document = with_database(lambda runtime: _preview(runtime, wanted, sample))
    if json:
        show_json(document)
    else:
        show(*_pages(document))


async def _preview(runtime: Runtime, wanted: WrittenModel | VersionOrActive, sample: int | None) -> PreviewDocument:
    candidate = (await find_one(runtime.database, wanted)).compiled()
    with progress_bar("leads") as bar:
        task = bar.add_task("reading leads", total=None)

        def on_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return PreviewDocument.of(
            await preview(runtime.database, runtime.models, candidate, utc_now(), sample, on_progress)
        )


async def run_job(runtime: Runtime, request: Any, asked_at: datetime, on_progress: Callable[[int], None]) -> Any:
    """The result of a job, as JSON types."""
    wanted = PreviewJobRequest.model_validate(request)
    candidate = await compile_any(runtime.database, wanted.model)
    seen = await preview(
        runtime.database, runtime.models, candidate, asked_at, wanted.sample, lambda done, _: on_progress(done)
    )
    return PreviewDocument.of(seen).model_dump(mode="json")


def _pages(seen: PreviewDocument) -> Iterator[Text | Table]:
    after = f"version {seen.after}" if seen.after is not None else "the file's model"
    of_all = "" if seen.evaluated == seen.leads else f", of {seen.leads:,} in all"
    looked_at = f"{counted(seen.evaluated, 'lead', 'leads')}{of_all}"
    yield Text(f"What {after} would change, over {looked_at} (active: version {seen.before})")
    yield from section("Leads by stage", _stages(seen))
    yield from section("From (row) to (column)", _moves(seen))
    for name, spread in seen.scores.items():
        yield from section(f"Score {name}", _spread(spread))
        yield from _bands(spread)
    leads = counted(seen.notifications, "lead changes its", "leads change their")
    yield from section("Notifications", Text(f"{leads} stage: --notify all would send a notification for each."))
    if seen.movers:
        yield from section("Leads that move most", _movers(seen.movers))


def _stages(seen: PreviewDocument) -> Table:
    table = columns("stage", "before", "after", "change")
    before, after = seen.stages.before, seen.stages.after
    for stage in {**before, **after}:
        numbers = [_in_model(counts.get(stage)) for counts in (before, after)]
        table.add_row(Text(stage), *numbers, _difference(after.get(stage, 0) - before.get(stage, 0)))
    return table


def _in_model(count: int | None) -> Text:
    return Text(f"{count:,}" if count is not None else "-")


def _difference(change: float) -> Text:
    return Text(f"{change:+,.10g}" if change else NOTHING, "green" if change > 0 else "red" if change < 0 else "dim")


def _moves(seen: PreviewDocument) -> Table:
    """A matrix of the stages that have leads; a list of the moves where it is too wide for the terminal."""
    leads = {(move.from_stage, move.to_stage): move.leads for move in seen.moves}
    rows = [stage for stage, count in seen.stages.before.items() if count]
    across = [stage for stage, count in seen.stages.after.items() if count]
    matrix = columns("", *across)
    for row in rows:
        matrix.add_row(Text(row), *(_cell(leads.get((row, column), 0), row == column) for column in across))
    if not out.is_terminal or out.measure(matrix).maximum <= out.width:
        return matrix
    table = columns("from", "to", "leads")
    table.columns[1].justify = "left"
    for move in seen.moves:
        table.add_row(Text(move.from_stage), Text(move.to_stage), f"{move.leads:,}")
    return table


def _cell(leads: int, stays: bool) -> Text:
    return Text(f"{leads:,}" if leads else NOTHING, "dim" if stays or not leads else "")


def _spread(spread: ScoreSpread) -> Table:
    table = columns("", "mean", *QUANTILES)
    for when, distribution in (("before", spread.before), ("after", spread.after)):
        if distribution is not None:
            numbers = [distribution.mean, *(distribution.quantiles.get(name) for name in QUANTILES)]
            table.add_row(when, *(NOTHING if number is None else f"{number:,.1f}" for number in numbers))
        else:
            table.add_row(when, "no such score")
    return table


def _bands(spread: ScoreSpread) -> Iterator[Text]:
    before, after = (_counts(distribution) for distribution in (spread.before, spread.after))
    changes = [f"{band} {before.get(band, 0):,} → {after.get(band, 0):,}" for band in {**after, **before}]
    if changes:
        yield Text(f"bands: {', '.join(changes)}")


def _counts(distribution: DistributionDocument | None) -> dict[str, int]:
    return distribution.bands if distribution is not None else {}


def _movers(movers: list[MoverDocument]) -> Table:
    table = columns("lead", "before", "after")
    for mover in movers:
        style = "" if mover.before.stage == mover.after.stage else "bold"
        stages = (Text(outcome.stage, style) for outcome in (mover.before, mover.after))
        table.add_row(Text(str(mover.lead_id)), *stages)
        for name in {**mover.before.scores, **mover.after.scores}:
            lines = [line for line in mover.ledger_changes if line.score == name]
            values = [_value(outcome.scores.get(name)) for outcome in (mover.before, mover.after)]
            if lines or values[0] != values[1]:
                table.add_row(f"  {name}", *values)
            for line in lines:
                table.add_row(*_changed_line(line.before, line.after))
    return table


def _value(score: ScoreValue | None) -> Text:
    return points(score.value) if score is not None else Text(NOTHING)


def _changed_line(before: LedgerLine | None, after: LedgerLine | None) -> Iterator[Text]:
    """The points before and after, with the hits where the points are equal."""
    known = [line for line in (before, after) if line is not None]
    yield Text(f"    {line_name(known[0])}", "dim")
    alike = len({line.points for line in known}) == 1 < len(known)
    for line in (before, after):
        hits = f" ({counted(line.hits, 'hit', 'hits')})" if line is not None and alike else ""
        yield Text(f"{points(line.points) if line is not None else NOTHING}{hits}", "dim")
