"""`leadscore model propose`: a model learned from outcomes, as YAML, with a report for people on standard error."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.arguments import AsJson, number, show_json
from app.cli.insight_tables import interval, percent, read_log, snapshots_line, tenths_table
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
from app.cli.terminal import NOTHING, columns, err, sanitize, section, show
from app.clock import utc_now
from app.documents.outcomes import ProposalRequest
from app.documents.proposals import ProposalDocument
from app.errors import ValidationFailed
from app.insight.questions import DEFAULT_RULES, Wishes
from app.insight.report import Proposal
from app.insight.thresholds import Capacity, Goal, Precision
from app.scoring.model import as_yaml
from app.services.proposals import propose_model
from app.services.runtime import Runtime

PER_WEEK = re.compile(r"(\d+(?:\.\d+)?)/week", re.ASCII)

commands = typer.Typer()


@commands.command("propose")
def propose(
    *,
    outcome: Outcome,
    within: Within,
    every: Regularly = Interval.WEEK,
    at: On = None,
    after: AfterDays = None,
    since: SinceStage = None,
    closed_by: ClosedBy = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An event or trait that no rule may use. Repeatable.")
    ] = None,
    rules: Annotated[int, typer.Option(min=1, max=DEFAULT_RULES, help="At most so many rules.")] = DEFAULT_RULES,
    capacity: Annotated[
        str | None, typer.Option(metavar="N/week", help="How many leads sales can take: decides the threshold of sql.")
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(parser=number(0, 1), metavar="SHARE", help="The share of sql leads that should have the outcome."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Propose a model that predicts an outcome. Nothing is stored.

    The model is printed on standard output as YAML, the report on standard error. With --json, both are one document on
    standard output.
    """
    wanted = read_request(
        ProposalRequest,
        at,
        after,
        outcome=outcome,
        within_days=within,
        every=every,
        since_stage=since,
        closed_by=closed_by,
        exclude=exclude,
        max_rules=rules,
        capacity_per_week=_per_week(capacity, precision),
        precision=precision,
    )
    proposal = read_log(lambda runtime, on_progress: _propose(runtime, wanted, utc_now(), on_progress))
    if json:
        show_json(ProposalDocument.model_validate(proposal))
        return
    show(*_pages(proposal), console=err)
    print(as_yaml(proposal.document), end="")


async def run_job(runtime: Runtime, request: Any, asked_at: datetime, on_progress: Callable[[int], None]) -> Any:
    """The result of a job, as JSON types."""
    proposal = await _propose(runtime, ProposalRequest.model_validate(request), asked_at, on_progress)
    return ProposalDocument.model_validate(proposal).model_dump(mode="json")


async def _propose(
    runtime: Runtime, wanted: ProposalRequest, now: datetime, on_progress: Callable[[int], None]
) -> Proposal:
    asked, wishes = question_of(wanted, now), Wishes(frozenset(wanted.exclude), wanted.max_rules, _goal(wanted))
    return await propose_model(runtime.database, runtime.models, asked, wishes, wanted.since_stage, on_progress)


def _per_week(capacity: str | None, precision: float | None) -> float | None:
    if capacity is None:
        return None
    if precision is not None:
        raise ValidationFailed("--capacity and --precision exclude each other: give one of them.")
    match = PER_WEEK.fullmatch(capacity)
    if match is None:
        raise ValidationFailed("--capacity is a number of leads a week, such as 50/week.")
    return float(match[1])


def _goal(wanted: ProposalRequest) -> Goal | None:
    if wanted.capacity_per_week is not None:
        return Capacity(wanted.capacity_per_week)
    return None if wanted.precision is None else Precision(wanted.precision)


def _pages(proposal: Proposal) -> Iterator[Text | Table]:
    accuracy = proposal.accuracy
    yield snapshots_line(proposal.counted)
    yield from section("AUC on held-out leads", _accuracy(proposal))
    newest = NOTHING if accuracy.newest is None else f"{accuracy.newest:.3f}"
    yield Text(f"on the newest 30 %: {newest}; log-loss: {accuracy.log_loss:.3f}")
    yield from section("Rules", _rules(proposal))
    yield from section("AUC by number of rules", _sizes(proposal))
    yield from section("Tenths by predicted probability", tenths_table(proposal.tenths, "expected", percent))
    yield from section("Thresholds", _thresholds(proposal))
    if proposal.excluded:
        yield from section("Not used", _excluded(proposal))
    for warning in proposal.warnings:
        yield Text.assemble(("Warning: ", "yellow"), sanitize(warning))


def _accuracy(proposal: Proposal) -> Table:
    table = columns("model", "AUC")
    table.add_row("proposal", interval(proposal.accuracy.held_out))
    for name, value in proposal.others.active.items():
        table.add_row(f"{name} of the active model", f"{value:.3f}")
    table.add_row("logistic regression", f"{proposal.others.logistic_regression:.3f}")
    table.add_row("gradient boosting", f"{proposal.others.boosting:.3f}")
    return table


def _rules(proposal: Proposal) -> Table:
    table = columns("rule", "points", "10 to 90 %", "same sign", "leads", "had it with", "without")
    for rule in proposal.rules:
        spread = f"{rule.spread.low:+.0f} to {rule.spread.high:+.0f}"
        rates = percent(rule.rate_with.value), percent(rule.rate_without.value)
        table.add_row(rule.name, f"{rule.points:+}", spread, percent(rule.spread.same_sign), f"{rule.leads:,}", *rates)
    return table


def _sizes(proposal: Proposal) -> Table:
    table = columns("rules", "AUC")
    for size in proposal.sizes:
        table.add_row(str(size.rules), f"{size.auc:.3f}")
    return table


def _thresholds(proposal: Proposal) -> Table:
    table = columns("stage", "score", "keep", "share", "leads a week", "precision", "recall")
    for each in proposal.thresholds:
        numbers = str(each.score), str(each.keep), percent(each.share), f"{each.leads_a_week:.1f}"
        table.add_row(each.stage, *numbers, interval(each.precision), percent(each.recall))
    return table


def _excluded(proposal: Proposal) -> Table:
    table = columns("name", "what", "why", "", numbers=False)
    for each in proposal.excluded:
        table.add_row(sanitize(each.name), each.kind, each.reason, sanitize(each.detail))
    return table
