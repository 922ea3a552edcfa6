"""Reading a request's body: within a time, within a size, and unpacked."""

import asyncio

from fastapi import Request

from app.errors import ContentTooLarge, RequestTimeout
from app.protocol.body import decompress

MOST_BYTES = 4 * 1024 * 1024


async def read_body(request: Request, timeout_s: float) -> bytes:
    """The body, decompressed. Raises `RequestTimeout`, `ContentTooLarge`, `UnsupportedEncoding`, `MalformedRequest`."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > MOST_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _read(request)
    except TimeoutError:
        raise RequestTimeout(f"The body did not arrive within {timeout_s:g} seconds. Send it again.") from None
    return decompress(raw, request.headers.get("content-encoding"), MOST_BYTES)


async def _read(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> ContentTooLarge:
    return ContentTooLarge(f"A body is at most {MOST_BYTES:,} bytes: split it.")
