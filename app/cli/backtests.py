"""`leadscore model backtest`: how well a model's scores would have predicted an outcome."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import AsJson, show_json
from app.cli.insight_tables import interval, percent, read_log, snapshots_line, tenths_table
from app.cli.model_targets import Target, find_all, read_target
from app.cli.questions import (
    AfterDays,
    ClosedBy,
    Interval,
    On,
    Outcome,
    Regularly,
    SinceStage,
    Within,
    question_of,
    read_request,
)
from app.cli.terminal import columns, sanitize, section, show
from app.clock import utc_now
from app.documents.backtests import BacktestsDocument
from app.documents.outcomes import BacktestRequest
from app.insight.backtests import Backtest, Sighting
from app.insight.rates import Reached
from app.scoring.engine import CompiledModel
from app.services.backtests import backtest_model
from app.services.models import compile_any
from app.services.runtime import Runtime

MOST_THRESHOLDS = 20
MOST_LEADS = 10

commands = typer.Typer()


@commands.command("backtest")
def backtest(
    target: Target,
    *,
    outcome: Outcome,
    within: Within,
    every: Regularly = Interval.WEEK,
    at: On = None,
    after: AfterDays = None,
    since: SinceStage = None,
    closed_by: ClosedBy = None,
    other: Annotated[
        str | None, typer.Option("--with", metavar="TARGET", help="Compare with this model on the same leads.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Show how well a model would have predicted an outcome.

    Leads are scored as of moments in the past, with what was known then; those that had the outcome already are left
    out.
    """
    asked = {"outcome": outcome, "within_days": within, "every": every, "since_stage": since}
    wanted = read_request(BacktestRequest, at, after, closed_by=closed_by, **asked)
    targets = [read_target(each) for each in (target, other) if each is not None]

    async def work(runtime: Runtime, on_progress: Callable[[int], None]) -> dict[str, Backtest]:
        models = [found.compiled() for found in await find_all(runtime.database, targets)]
        return await _backtest(runtime, wanted, models, utc_now(), on_progress)

    found = read_log(work)
    if json:
        show_json(BacktestsDocument.of(found))
        return
    for score, report in found.items():
        show(*_pages(score, report))


async def run_job(runtime: Runtime, request: Any, asked_at: datetime, on_progress: Callable[[int], None]) -> Any:
    """The result of a job, as JSON types."""
    wanted = BacktestRequest.model_validate(request)
    models = [await compile_any(runtime.database, each) for each in (wanted.model, wanted.other) if each is not None]
    return BacktestsDocument.of(await _backtest(runtime, wanted, models, asked_at, on_progress)).model_dump(mode="json")


async def _backtest(
    runtime: Runtime,
    wanted: BacktestRequest,
    models: Sequence[CompiledModel],
    now: datetime,
    on_progress: Callable[[int], None],
) -> dict[str, Backtest]:
    """A backtest of the first of these models; the second, if there is one, is compared with it."""
    model, other = models[0], models[1] if len(models) > 1 else None
    asked, since = question_of(wanted, now), wanted.since_stage
    return await backtest_model(runtime.database, runtime.models, asked, model, other, since, on_progress)


def _pages(score: str, report: Backtest) -> Iterator[Text | Table]:
    yield Text(f"Score {score}", "bold")
    yield snapshots_line(report.counted)
    yield Text(f"AUC {interval(report.auc)}")
    if not report.as_known:
        yield Text("Much of the history was imported, so events count from when they happened, not when they arrived.")
    if report.compared is not None:
        compared = report.compared
        yield Text(f"AUC of the other model {compared.other:.3f}; difference {interval(compared.difference)}")
    yield from section("Tenths by score", tenths_table(report.tenths, "mean score", "{:.1f}".format))
    yield from section("At or above a score", _reached("score", _some(report)))
    yield from section("In a stage or a higher one", _reached("stage", report.stages))
    yield from section("In a band", _bands(report))
    yield from section("Had the outcome with a low score", _sightings(report.unseen))
    yield from section("Ready for sales without the outcome", _sightings(report.ready_without))


def _some(report: Backtest) -> dict[str, Reached]:
    """As many thresholds as can be read, evenly spaced."""
    step = -(-len(report.thresholds) // MOST_THRESHOLDS)
    return {str(score): each for score, each in list(report.thresholds.items())[::step]}


def _reached(what: str, rows: Mapping[str, Reached]) -> Table:
    table = columns(what, "snapshots", "share", "precision", "recall")
    for name, each in rows.items():
        table.add_row(name, f"{each.rows:,}", percent(each.share), interval(each.precision), percent(each.recall))
    return table


def _bands(report: Backtest) -> Table:
    table = columns("band", "had it")
    for band, had in report.bands.items():
        table.add_row(band or "none", interval(had))
    return table


def _sightings(found: Sequence[Sighting]) -> Table:
    table = columns("lead", "on", "score", "stage", "because of")
    table.columns[-1].justify = "left"
    for each in found[:MOST_LEADS]:
        reasons = ", ".join(f"{line.rule} {line.points:+g}" for line in each.reasons)
        table.add_row(
            sanitize(each.lead_id), str(each.day), f"{each.score:g}", each.stage, reasons or "nothing counted"
        )
    return table
