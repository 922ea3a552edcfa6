"""Reports as tables and bars for a terminal."""

from collections.abc import Iterator

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from app.cli.terminal import columns, counted, sanitize
from app.documents.funnel import Days, FunnelDocument, FunnelFigures, ShareDocument, SourceFigures, SourcesDocument
from app.documents.signals import SeriesDocument

BAR_WIDTH = 24
UNKNOWN = "-"
REST = "all others"


def funnel_parts(document: FunnelDocument) -> Iterator[Text | Table]:
    """The funnel of all leads, then those of the groups."""
    yield _heading("all leads", document.total)
    yield _funnel_table(document.total)
    for group in document.groups:
        yield _heading(group.group or f"no {document.by}", group)
        yield _funnel_table(group)
    if document.other is not None:
        yield _heading(REST, document.other)
        yield _funnel_table(document.other)


def _heading(name: str, figures: FunnelFigures) -> Text:
    leads = counted(figures.leads, "lead", "leads")
    return Text.assemble(sanitize(name, "bold"), f": {leads}, {figures.won:,} won, {figures.lost:,} lost")


def _funnel_table(figures: FunnelFigures) -> Table:
    table = columns("", "", "reached", "of previous", "of all", "now", "lost ground", "days from previous")
    for stage in figures.stages:
        table.add_row(
            sanitize(stage.title),
            _bar(stage.reached, figures.leads),
            f"{stage.reached:,}",
            _percent(stage.conversion),
            _percent(stage.conversion_from_first),
            f"{stage.now:,}",
            f"{stage.lost_ground:,}",
            _days(stage.days_from_previous),
        )
    return table


def source_parts(document: SourcesDocument) -> Iterator[Table]:
    table = columns(document.by, "", "visitors", "leads", "qualified", "customers")
    most = max((source.visitors for source in document.sources), default=0)
    for source in document.sources:
        _add_source(table, source.name or UNKNOWN, source, most)
    if document.other is not None:
        _add_source(table, REST, document.other, most)
    _add_source(table, "all visitors", document.total, most)
    yield table


def _add_source(table: Table, name: str, source: SourceFigures, most: int) -> None:
    shares = map(_share, (source.leads, source.qualified, source.customers))
    table.add_row(sanitize(name), _bar(min(source.visitors, most), most), f"{source.visitors:,}", *shares)


def series_parts(document: SeriesDocument) -> Iterator[Table]:
    table = columns(document.by, "", "people", "hits")
    most = max(point.hits for point in document.points)
    for point in document.points:
        table.add_row(f"{point.start}", _bar(point.hits, most), f"{point.people:,}", f"{point.hits:,}")
    yield table


def _bar(part: int, whole: int) -> Bar:
    return Bar(max(whole, 1), 0, part, width=BAR_WIDTH)


def _percent(rate: float | None) -> str:
    return UNKNOWN if rate is None else f"{rate:.1%}"


def _share(share: ShareDocument) -> str:
    """`12 (3.1 to 8.2 %)`: how many, and between which shares of the visitors."""
    if share.count is None or share.low is None or share.high is None:
        return UNKNOWN if share.count is None else f"{share.count:,}"
    return f"{share.count:,} ({100 * share.low:.1f} to {100 * share.high:.1f} %)"


def _days(days: Days) -> str:
    """`2.5 (0.1 to 11)`: the median, and between which quartiles."""
    return UNKNOWN if days.median is None else f"{days.median:g} ({days.lower:g} to {days.upper:g})"
