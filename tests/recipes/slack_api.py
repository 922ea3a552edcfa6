"""Slack's incoming webhooks, as its public documentation describes them.

docs.slack.dev: Sending messages using incoming webhooks, Rate limits; api.slack.com/changelog/2016-05-17 (errors);
docs.slack.dev/messaging/formatting-message-text (escaping).
"""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from tests.recipes.vendors import Vendor

PATH = "/services/T0/B0/secret"
MAX_SECTION = 3_000


class SlackApi(Vendor):
    """`messages` are what was posted. The path is the key: another one is of no service."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.app.post(PATH)(self.post)

    def is_authorized(self, request: Request) -> bool:
        return request.url.path == PATH

    def unauthorized(self) -> Response:
        return PlainTextResponse("no_service", 404)

    def rate_limited(self) -> Response:
        return PlainTextResponse("rate_limited", 429, {"Retry-After": str(self.retry_after_s)})

    def post(self, body: dict[str, Any]) -> Response:
        if not body.get("text") and not body.get("blocks"):
            return PlainTextResponse("no_text", 400)
        if any(len(block["text"]["text"]) > MAX_SECTION for block in body["blocks"]):
            return PlainTextResponse("invalid_blocks", 400)
        self.messages.append(body)
        return PlainTextResponse("ok")
