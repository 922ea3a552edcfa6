"""`leadscore report …`: the funnel, the sources and signals over time, as tables with bars."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel

from app.cli.arguments import AsJson, show_json
from app.cli.report_tables import funnel_parts, series_parts, source_parts
from app.cli.runtime import with_database
from app.cli.terminal import show
from app.clock import utc_now
from app.documents.funnel import FunnelDocument, SourcesDocument
from app.documents.periods import period
from app.documents.signals import SeriesDocument
from app.documents.tables import as_csv
from app.services.funnel import Cohort, FunnelGroup, SourceField, read_funnel, read_sources
from app.services.signals import Interval, read_series

commands = typer.Typer()

DAY = ["%Y-%m-%d"]
First = Annotated[
    datetime | None, typer.Option("--from", formats=DAY, help="The first day in UTC. Default: 83 days before --to.")
]
Last = Annotated[datetime | None, typer.Option("--to", formats=DAY, help="The last day in UTC. Default: today.")]
Most = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many groups are shown apart.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print a table for spreadsheets.")]


@commands.command("funnel")
def report_funnel(
    first: First = None,
    last: Last = None,
    by: Annotated[FunnelGroup | None, typer.Option(help="Also a funnel for each of these.")] = None,
    limit: Most = 20,
    *,
    csv: AsCsv = False,
    json: AsJson = False,
) -> None:
    """Show how many leads reached each stage, and how long it took."""
    now = utc_now()
    cohort = Cohort(*_period(first, last, now), limit)
    view = with_database(lambda runtime: read_funnel(runtime.database, runtime.models, cohort, by, now))
    document = FunnelDocument.of(view, by)
    if not _as_data(document, document.rows(), csv=csv, json=json):
        show(*funnel_parts(document))


@commands.command("sources")
def report_sources(
    first: First = None,
    last: Last = None,
    by: Annotated[SourceField, typer.Option(help="What of the first touch to distinguish.")] = "channel",
    limit: Most = 20,
    *,
    csv: AsCsv = False,
    json: AsJson = False,
) -> None:
    """Show where visitors came from, and how many became leads and customers."""
    now = utc_now()
    cohort = Cohort(*_period(first, last, now), limit)
    view = with_database(lambda runtime: read_sources(runtime.database, runtime.models, cohort, by, now))
    document = SourcesDocument.of(view, by)
    if not _as_data(document, document.rows(), csv=csv, json=json):
        show(*source_parts(document))


@commands.command("signal")
def report_signal(
    signal: Annotated[str, typer.Argument(help="A signal of the active model.")],
    first: First = None,
    last: Last = None,
    by: Annotated[Literal["day", "week"], typer.Option(help="The length of an interval.")] = "week",
    *,
    csv: AsCsv = False,
    json: AsJson = False,
) -> None:
    """Show how many people gave how many hits of a signal over time."""
    now = utc_now()
    begin, end = _period(first, last, now)
    interval: Interval = by
    series = with_database(
        lambda runtime: read_series(runtime.database, runtime.models, signal, begin, end, interval, now)
    )
    document = SeriesDocument.of(series, signal, begin, end, by)
    if not _as_data(document, document.rows(), csv=csv, json=json):
        show(*series_parts(document))


def _period(first: datetime | None, last: datetime | None, now: datetime) -> tuple[date, date]:
    return period(first and first.date(), last and last.date(), now.date())


def _as_data(document: BaseModel, rows: Iterable[Mapping[str, Any]], *, csv: bool, json: bool) -> bool:
    """Print the report as JSON or CSV if that is wanted. Returns whether it was."""
    if json:
        show_json(document)
    elif csv:
        print(as_csv(rows), end="")
    return json or csv
