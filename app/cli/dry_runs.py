"""`leadscore model evaluate`: messages in a file, evaluated with a model; nothing is stored."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from rich.text import Text

from app.cli.arguments import AsJson, show_json
from app.cli.ledgers import condition_lines, ledger_table, points
from app.cli.model_targets import Target, find
from app.cli.terminal import minute, show
from app.clock import utc_now
from app.documents.leads import EvaluationDocument
from app.documents.parameters import Moment
from app.errors import MalformedJson, UnreadableFile, ValidationFailed
from app.protocol.body import parse_json
from app.services.dry_runs import dry_run
from app.validation.faults import Fault

commands = typer.Typer()


@commands.command("evaluate")
def evaluate_messages(
    target: Target,
    messages: Annotated[
        str, typer.Argument(metavar="MESSAGES", help="JSON lines or one JSON list; `-` is standard input.")
    ],
    as_of: Annotated[
        str | None,
        typer.Option(metavar="T", help="The time to evaluate at, such as 2026-11-01T12:00:00Z. Default: now."),
    ] = None,
    *,
    untrusted: Annotated[
        bool, typer.Option("--untrusted", help="Treat the messages as sent with a website's key.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Evaluate one person's messages with a model. Nothing is stored."""
    moment = _read_moment(as_of)
    by_place = _read_messages(messages)
    [found] = find(target)
    now = utc_now()
    try:
        evaluation, stage = dry_run(found.compiled(), list(by_place.values()), now, moment, trusted=not untrusted)
    except ValidationFailed as error:
        places = {f"messages[{index}]": place for index, place in enumerate(by_place)}
        faults = tuple(Fault(places.get(fault.path, fault.path), fault.message) for fault in error.faults)
        raise ValidationFailed(error.detail, faults) from None
    document = EvaluationDocument.of(evaluation, stage, moment or now)
    if as_json:
        show_json(document)
    else:
        show(*_lines(document))


def _read_moment(text: str | None) -> Any:
    try:
        return TypeAdapter(Moment).validate_python(text) if text is not None else None
    except ValidationError:
        msg = f"--as-of {text} is not a time: give the date, time and time zone, such as 2026-11-01T12:00:00Z."
        raise ValidationFailed(msg) from None


# --- Messages ---------------------------------------------------------------------------------------------------


def _read_messages(file: str) -> dict[str, Any]:
    """Messages by their place in the file. Raises `UnreadableFile`."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}. Give a file of messages, or - for standard input.") from None
    name = "standard input" if file == "-" else file
    if data.lstrip().startswith(b"["):
        messages = _parsed(data, f"The list in {name}")
        return {f"messages[{index}]": message for index, message in enumerate(messages)}
    lines = {number: line.rstrip() for number, line in enumerate(data.split(b"\n"), start=1) if line.strip()}
    return {f"line {number}": _parsed(line, f"Line {number} of {name}") for number, line in lines.items()}


def _parsed(data: bytes, what: str) -> Any:
    try:
        return parse_json(data, what)
    except MalformedJson as error:
        raise UnreadableFile(f"{error.detail} Messages must be JSON lines or one JSON list.") from None


# --- The evaluation ---------------------------------------------------------------------------------------------


def _lines(evaluation: EvaluationDocument) -> Iterator[Text | Table]:
    reason = evaluation.stage_reason
    model = f"version {evaluation.model_version}" if evaluation.model_version is not None else "the file's model"
    yield Text.assemble("Stage ", (evaluation.stage, "bold"), f", by {model}, as of {minute(evaluation.as_of)} UTC")
    if reason.because is not None:
        yield Text("  kept, because:" if reason.kept else "  because:")
        yield from condition_lines(reason.because, 4)
    if reason.next is not None:
        yield Text(f"  missing for {reason.next.stage}, the next stage:")
        yield from condition_lines(reason.next.missing, 4)
    for name, score in evaluation.scores.items():
        band = f", {score.band}" if score.band is not None else ""
        yield Text.assemble("\nScore ", (name, "bold"), " ", points(score.value), band)
        if score.ledger:
            yield ledger_table(score)
