"""Webhooks over HTTP: endpoints that changes are delivered to."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter

from app.api.access import Admin, CurrentRuntime
from app.api.routes import strict_router
from app.documents.deliveries import DeliveryDocument
from app.documents.webhooks import (
    CreatedWebhook,
    RotationRequest,
    WebhookDocument,
    WebhookList,
    WebhookMessage,
    WebhookRequest,
    WebhookUpdate,
    render_message,
)

router = strict_router("/v1/webhooks", "webhooks", Admin)
messages = APIRouter()
"""What is sent to webhooks, for the OpenAPI document."""


@messages.post("change")
def change(_message: WebhookMessage) -> None:
    """A change, signed as Standard Webhooks specifies. Answer with a 2xx within 15 seconds."""


@router.post("", status_code=201)
async def create_webhook(runtime: CurrentRuntime, wanted: WebhookRequest) -> CreatedWebhook:
    """Deliver changes to a URL, from now on or from `after` in the feed."""
    return CreatedWebhook.of(
        await runtime.webhooks.create(wanted.target(str(wanted.url)), wanted.after, runtime.clock())
    )


@router.get("")
async def list_webhooks(runtime: CurrentRuntime) -> WebhookList:
    return WebhookList(data=list(map(WebhookDocument.of, await runtime.webhooks.list_all())), next_cursor=None)


@router.get("/{webhook_id}")
async def get_webhook(runtime: CurrentRuntime, webhook_id: UUID) -> WebhookDocument:
    return WebhookDocument.of(await runtime.webhooks.get(webhook_id))


@router.patch("/{webhook_id}")
async def update_webhook(runtime: CurrentRuntime, webhook_id: UUID, wanted: WebhookUpdate) -> WebhookDocument:
    """Change the fields that are there. Once enabled again, it receives what happened while it was disabled."""
    webhook = await runtime.webhooks.get(webhook_id)
    if wanted.model_fields_set - {"enabled"}:
        webhook = await runtime.webhooks.retarget(webhook_id, wanted.target_of(webhook), wanted.after)
    if wanted.enabled is True:
        webhook = await runtime.webhooks.enable(webhook_id)
    elif wanted.enabled is False:
        webhook = await runtime.webhooks.disable(webhook_id, runtime.clock())
    return WebhookDocument.of(webhook)


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(runtime: CurrentRuntime, webhook_id: UUID) -> None:
    """Its deliveries are deleted too."""
    await runtime.webhooks.remove(webhook_id)


@router.post("/{webhook_id}/rotate")
async def rotate_secret(
    runtime: CurrentRuntime, webhook_id: UUID, wanted: RotationRequest | None = None
) -> CreatedWebhook:
    """Make a new secret. For `overlap_hours`, messages are signed with both."""
    overlap = timedelta(hours=(wanted or RotationRequest()).overlap_hours)
    return CreatedWebhook.of(await runtime.webhooks.rotate(webhook_id, overlap, runtime.clock()))


@router.post("/{webhook_id}/test")
async def send_test(runtime: CurrentRuntime, webhook_id: UUID) -> DeliveryDocument:
    """Send a message of type `webhook.test` once, also to a disabled webhook, and return how it went."""
    return DeliveryDocument.of(await runtime.deliveries.send_test(webhook_id, render_message))
