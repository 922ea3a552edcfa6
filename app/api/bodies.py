"""Reading a request's body, with limits on time and size, decompressed."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.errors import ContentTooLarge, MalformedRequest, RequestTimeout
from app.protocol.body import decompress, is_json, parse_json

Result = TypeVar("Result")

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_JSON_BYTES = 1024 * 1024  # outside ingestion: documents and lists of identities
LARGE_BODY = 256 * 1024  # bytes; parsing more would delay other requests


async def read_body(request: Request, timeout_s: float, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body, decompressed. Raises `RequestTimeout`, `ContentTooLarge`, `UnsupportedEncoding`, `MalformedRequest`."""
    content_length = request.headers.get("content-length", "")
    if content_length.isdecimal() and int(content_length) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _read(request, max_bytes)
    except TimeoutError:
        raise RequestTimeout(f"The body did not arrive within {timeout_s:g} seconds. Send it again.") from None
    except ClientDisconnect:  # nobody receives the answer, but it must not count as an internal error
        raise MalformedRequest("The body is incomplete: the connection was closed.") from None
    return decompress(raw, ",".join(request.headers.getlist("content-encoding")), max_bytes)


async def in_thread_if_large(size_bytes: int, read: Callable[[], Result]) -> Result:
    """The result of `read`, which runs in a thread if the body is large, so as not to delay other requests."""
    return await asyncio.to_thread(read) if size_bytes > LARGE_BODY else read()


async def parse_body(body: bytes) -> Any:
    """The body's JSON. Raises `MalformedJson`."""
    return await in_thread_if_large(len(body), lambda: parse_json(body))


_DOCUMENT = {"schema": {"type": "object"}}
MODEL_BODY = {
    "requestBody": {"required": True, "content": {"application/json": _DOCUMENT, "application/yaml": _DOCUMENT}}
}
"""A scoring model as a body, for the OpenAPI document."""


async def read_model_source(request: Request, timeout_s: float) -> Any:
    """The scoring model in a body: a text in YAML, or what was parsed if it is JSON. Raises as `read_body` does."""
    body = await read_body(request, timeout_s, MAX_JSON_BYTES)
    if is_json(body) and "yaml" not in request.headers.get("content-type", ""):  # YAML may begin with a brace, too
        return await parse_body(body)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise MalformedRequest("The body is not UTF-8: save the model as UTF-8.") from None


async def _read(request: Request, max_bytes: int) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(max_bytes: int) -> ContentTooLarge:
    return ContentTooLarge(f"A body may have at most {max_bytes:,} bytes: split it.")
