"""`leadscore webhooks …`: endpoints that changes are delivered to, and their deliveries."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from app.cli.arguments import Shown, id_from, number
from app.cli.faults import read_options, refused_options
from app.cli.runtime import with_database
from app.cli.terminal import columns, counted, minute, out, sanitize, show
from app.clock import utc_now
from app.documents.deliveries import ReplayRequest
from app.documents.webhooks import WebhookRequest, render_message
from app.errors import ValidationFailed
from app.services.deliveries import Delivery, DeliveryFilter, DeliveryState
from app.services.webhooks import Direction, Webhook

OPTIONS = {"url": "URL", "types": "--type", "score": "--score", "score.at_least": "--at-least", "score.band": "--band"}

read_id = id_from("leadscore webhooks list")

commands = typer.Typer()


WebhookId = Annotated[UUID, typer.Argument(help="From `leadscore webhooks list`.", parser=read_id)]
WebhookOption = Annotated[
    UUID | None,
    typer.Option("--webhook", help="Only those of this webhook.", parser=read_id),
]


@commands.command("create")
def create(
    url: Annotated[str, typer.Argument(help="Where messages are posted to, such as https://crm.example.com/leads.")],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="A type of change. Repeatable. Default: stages and merges."),
    ] = None,
    to: Annotated[list[str] | None, typer.Option(help="Only changes into this stage. Repeatable.")] = None,
    direction: Annotated[Direction | None, typer.Option(help="Only changes up, or only down.")] = None,
    score: Annotated[str | None, typer.Option(help="For changes of scores: this one …")] = None,
    at_least: Annotated[
        float | None, typer.Option(parser=number(), metavar="NUMBER", help="… when it crosses this value.")
    ] = None,
    band: Annotated[str | None, typer.Option(help="… when it crosses the threshold of this band.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    *,
    thin: Annotated[bool, typer.Option("--thin", help="Send ids only, no personal data.")] = False,
) -> None:
    """Deliver changes to a URL. Prints the secret, which is not shown again."""
    threshold = {"name": score, "at_least": at_least, "band": band}
    wanted = read_options(
        WebhookRequest,
        OPTIONS,
        url=url,
        types=types,
        to=to,
        direction=direction,
        score={name: value for name, value in threshold.items() if value is not None},
        description=description,
        thin=thin,
    )
    target = wanted.target(str(wanted.url))
    try:
        made = with_database(lambda runtime: runtime.webhooks.create(target, "latest", utc_now()), create=True)
    except ValidationFailed as error:  # the active model lacks a name
        raise refused_options(error.faults, OPTIONS) from None
    print(made.secret)


@commands.command("list")
def list_all() -> None:
    """List all webhooks: what they want, and whether they work."""
    table = columns("id", "url", "wants", "state", numbers=False)
    for webhook in with_database(lambda runtime: runtime.webhooks.list_all()):
        table.add_row(str(webhook.id), sanitize(webhook.url), sanitize(_wants(webhook)), sanitize(_state(webhook)))
    show(table)


def _wants(webhook: Webhook) -> str:
    wanted = webhook.filter
    parts = [*wanted["types"], *(f"to {stage}" for stage in wanted["to"] or ())]
    parts += [_threshold(wanted["score"])] if wanted["score"] else []
    return ", ".join([*parts, *filter(None, [wanted["direction"], "thin" if webhook.thin else None])])


def _threshold(score: Mapping[str, Any]) -> str:
    reached = score["band"] if score["band"] is not None else f"{score['at_least']:g}"
    return f"{score['name']} across {reached}"


def _state(webhook: Webhook) -> str:
    if webhook.disabled_at is not None:
        return f"disabled: {webhook.disabled_because}"
    return "ok" if webhook.failing_since is None else f"failing since {minute(webhook.failing_since)}"


@commands.command("enable")
def enable(webhook_id: WebhookId) -> None:
    """Deliver again, beginning with what happened while it was disabled."""
    with_database(lambda runtime: runtime.webhooks.enable(webhook_id))
    out.print("Enabled.")


@commands.command("disable")
def disable(webhook_id: WebhookId) -> None:
    """Stop delivering. Nothing is lost until it is enabled again."""
    with_database(lambda runtime: runtime.webhooks.disable(webhook_id, utc_now()))
    out.print("Disabled.")


@commands.command("delete")
def delete(webhook_id: WebhookId) -> None:
    """Delete a webhook with its deliveries."""
    with_database(lambda runtime: runtime.webhooks.remove(webhook_id))
    out.print("Deleted.")


@commands.command("rotate")
def rotate(
    webhook_id: WebhookId,
    overlap_hours: Annotated[
        float, typer.Option(parser=number(0, 720), metavar="HOURS", help="How long the old secret signs too.")
    ] = 24,
) -> None:
    """Make a new secret and print it. The old one signs too for a while."""
    overlap = timedelta(hours=overlap_hours)
    print(with_database(lambda runtime: runtime.webhooks.rotate(webhook_id, overlap, utc_now())).secret)


@commands.command("test")
def test(webhook_id: WebhookId) -> None:
    """Send a test message once, and show how it went."""
    sent = with_database(lambda runtime: runtime.deliveries.send_test(webhook_id, render_message))
    out.print(_result(sent), markup=False)
    raise typer.Exit(0 if sent.state == "delivered" else 1)


@commands.command("deliveries")
def deliveries(
    webhook_id: WebhookOption = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Shown = 50,
) -> None:
    """List deliveries, the latest first."""
    wanted = DeliveryFilter(webhook_id=webhook_id, state=state)
    table = columns("id", "created", "type", "state", "attempts", "result", numbers=False)
    for each in with_database(lambda runtime: runtime.deliveries.page(wanted, None, limit)).items:
        table.add_row(str(each.id), minute(each.created_at), each.type, each.state, str(each.attempts), _result(each))
    show(table)


def _result(delivery: Delivery) -> Text:
    status = "" if delivery.status is None else f"{delivery.status} "
    return sanitize(f"{status}{delivery.error or delivery.answer or ''}".strip())


@commands.command("replay")
def replay(
    webhook_id: WebhookOption = None,
    state: Annotated[DeliveryState, typer.Option(help="Those in this state.")] = "dead",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
) -> None:
    """Send deliveries again, by default the dead ones."""
    wanted = ReplayRequest(webhook_id=webhook_id, state=state).filter()
    count = with_database(
        lambda runtime: runtime.deliveries.count(wanted) if dry_run else runtime.deliveries.replay(wanted)
    )
    deliveries = counted(count, "delivery", "deliveries")
    out.print(f"{deliveries} would be sent again." if dry_run else f"{deliveries} will be sent again.")
