"""Ingestion for analytics clients: Segment's and RudderStack's libraries, unchanged."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import orjson
from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from app.api.access import SECURITY, key_from_header, publishable_key_from_request, runtime_of
from app.api.bodies import in_thread_if_large, parse_body, read_body
from app.api.bots import suspicion_of_agent
from app.api.message_documents import batch_body, message_body
from app.api.paths import BATCH_PATHS, MESSAGE_PATHS
from app.api.plain_routes import Endpoint, PlainRoute
from app.api.problems import STATUS, Problem, problem
from app.api.quotas import charge
from app.errors import ContentTooLarge, InvalidMessage, MalformedJson
from app.protocol.batches import body_write_key, read_batch, read_single
from app.protocol.recovery import recover_batch
from app.services.intake import Outcome
from app.services.keys import Key

Parse = Callable[[bytes], Awaitable[Any]]

HISTORY_PATH = "/v1/import"


class Rejected(BaseModel):
    index: int
    messageId: str | None  # noqa: N815 - the clients' own word
    code: str
    message: str


class Accepted(BaseModel):
    """`accepted` and `duplicates` count messages. `rejected` lists the refused ones, if there are any."""

    success: bool
    accepted: int
    duplicates: int
    rejected: list[Rejected] = []


def respond(request: Request, outcome: Outcome) -> Response:
    """The outcome of each message. It is an error only if all were refused."""
    refused = [(message, message.error) for message in outcome.refused if message.error is not None]
    rejected = [
        {"index": message.index, "messageId": message.message_id, "code": error.code, "message": error.detail}
        for message, error in refused
    ]
    if rejected and not outcome.accepted + outcome.duplicates:
        _, first = refused[0]
        too_large = all(error.code == ContentTooLarge.code for _, error in refused)
        status = STATUS[ContentTooLarge] if too_large else STATUS[InvalidMessage]
        return problem(request, status, first.code, first.detail, rejected=rejected)
    counts = {"success": True, "accepted": outcome.accepted, "duplicates": outcome.duplicates}
    document = counts | {"rejected": rejected} if rejected else counts
    return Response(orjson.dumps(document), media_type="application/json")


class _Sent(NamedTuple):
    """The sender's key, the parsed body, and how large it was."""

    key: Key
    document: Any
    size_bytes: int


async def _authorised(request: Request, parse: Parse = parse_body) -> _Sent:
    """The key and the body. A key in the header is checked before the body is read."""
    key = await key_from_header(request)
    body = await read_body(request, runtime_of(request).settings.body_timeout_s)
    if not body.strip() and request.scope["path"].startswith("/beacon/"):
        body = b'{"batch": []}'  # browsers send empty beacons
    document = await parse(body)
    return _Sent(key or await publishable_key_from_request(request, body_write_key(document)), document, len(body))


def _receives_message(message_type: str) -> Endpoint:
    async def receive(request: Request) -> Response:
        key, document, _ = await _authorised(request)
        runtime = runtime_of(request)
        now = runtime.clock()
        messages = read_single(document, type=message_type, sender=runtime.sender(key), received_at=now)
        await charge(runtime, request, key)
        return respond(request, await runtime.intake.accept(key, messages, now, suspicion_of_agent(request, key)))

    receive.__name__ = message_type
    receive.__doc__ = f"Send one `{message_type}` message."
    return receive


async def receive_batch(request: Request) -> Response:
    """Send many messages. Valid ones are stored; each invalid one is reported by its index."""
    key, document, size = await _authorised(request, _parse_batch)
    runtime = runtime_of(request)
    now, live = runtime.clock(), request.scope["path"] != HISTORY_PATH
    read = partial(read_batch, document, sender=runtime.sender(key), received_at=now, live=live)
    messages = await in_thread_if_large(size, read)
    await charge(runtime, request, key, len(messages))
    return respond(request, await runtime.intake.accept(key, messages, now, suspicion_of_agent(request, key)))


async def _parse_batch(body: bytes) -> Any:
    """The body's JSON, in which single messages may be malformed. Raises `MalformedJson` if anything else is."""
    try:
        return await parse_body(body)
    except MalformedJson:
        document = await asyncio.to_thread(recover_batch, body)  # whatever its size, since it is slow
        if document is None:
            raise
        return document


def make_routes() -> list[PlainRoute]:
    """The routes for analytics clients. The short paths and the beacon's are undocumented aliases."""
    answers: dict[int | str, dict[str, Any]] = {
        200: {"model": Accepted},
        **{status: {"model": Problem} for status in (400, 401, 403, 408, 413, 415, 429, 503)},
    }
    receivers = {f"/v1/{name}": _receives_message(message_type) for name, message_type in MESSAGE_PATHS.items()}
    receivers |= dict.fromkeys(BATCH_PATHS, receive_batch)
    operations = {f"/v1/{message_type}": message_type for message_type in MESSAGE_PATHS.values()}
    operations |= {"/v1/batch": "send_batch", HISTORY_PATH: "import_history"}
    bodies = {f"/v1/{message_type}": message_body(message_type) for message_type in MESSAGE_PATHS.values()}
    bodies |= dict.fromkeys(("/v1/batch", HISTORY_PATH), batch_body())
    return [
        PlainRoute(
            path,
            receive,
            methods=["POST"],
            responses=answers,
            include_in_schema=path in bodies,
            openapi_extra={"requestBody": bodies.get(path), "security": SECURITY},
            operation_id=operations.get(path),
        )
        for path, receive in receivers.items()
    ]
