"""Sending webhooks: guarded requests, which reach only addresses that were checked, and end within a time.

`GuardedBackend` connects to the very address that it has checked, so a name that resolves differently the next time
can't redirect a request into a private network. The name stays in the Host header and in TLS. The client follows no
redirects, and no proxy settings of the environment apply.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpcore

from app.webhooks.addresses import is_public

TIMEOUT_S = 15
"""How long a request may take in all, from the name's resolution to the end of what is read of the answer."""

CONNECT_TIMEOUT_S = 5
"""How long to wait for one address of a host before the next is tried: a host may be down on IPv6 alone."""

MAX_ANSWER_BYTES = 2_048
"""How much of an answer is read and recorded."""

MAX_ERROR_LENGTH = 500
KEEP_ALIVE_S = 5

Resolve = Callable[[str, int], Awaitable[Collection[str]]]
"""All the addresses of a host. Raises `OSError` if there are none."""


class UnsafeAddress(Exception):
    """A host has an address inside a network."""


FAILURES = (
    UnsafeAddress,
    OSError,  # TimeoutError and socket.gaierror are
    UnicodeError,  # a host name that DNS can't have
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended: with a status, or with an error if no status arrived."""

    status: int | None
    error: str | None
    body: str
    retry_after: str | None
    seconds: float

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own classes


async def resolve(host: str, port: int) -> Collection[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def checked_addresses(host: str, port: int, find: Resolve) -> Collection[str]:
    """The addresses of a host. Raises `UnsafeAddress` if any of them is not public, and `OSError` if there are none."""
    addresses = await find(host, port)
    if not all(map(is_public, addresses)):
        raise UnsafeAddress
    return addresses


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to public addresses, and to the `trusted_hosts` wherever they are, through another `backend`."""

    def __init__(
        self,
        trusted_hosts: Collection[str],
        find: Resolve = resolve,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._trusted_hosts = trusted_hosts
        self._find = find
        self._backend = backend or httpcore.AnyIOBackend()
        self._lookups: dict[tuple[str, int], asyncio.Task[Collection[str]]] = {}

    async def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        if host in self._trusted_hosts:
            return await self._backend.connect_tcp(host, port, *rest, **options)
        last_error: Exception = httpcore.ConnectError()
        for address in await self._addresses(host, port):
            try:
                return await self._backend.connect_tcp(address, port, *rest, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last_error = error
        raise last_error

    async def _addresses(self, host: str, port: int) -> Collection[str]:
        """Requests that start together share a lookup: each occupies one of a few threads, as long as DNS is silent."""
        key = host, port
        if key not in self._lookups:
            self._lookups[key] = asyncio.create_task(checked_addresses(host, port, self._find))
            self._lookups[key].add_done_callback(lambda _: self._lookups.pop(key))
        return await asyncio.shield(self._lookups[key])


class WebhookClient:
    """Posts bodies to URLs, through a `GuardedBackend`. Connections are kept open for a few seconds."""

    def __init__(
        self,
        backend: httpcore.AsyncNetworkBackend,
        *,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        self._backend = backend
        self._tls = tls
        self._timeout_s = timeout_s
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}
        self._limits = {"timeout": {"connect": connect_timeout_s}}

    @cached_property
    def _context(self) -> ssl.SSLContext:
        """Created when it is first used: loading the certificates takes a while."""
        return self._tls or ssl.create_default_context()

    def _pool_of(self, url: str) -> httpcore.AsyncConnectionPool:
        """Each URL has its own: before and after a request, httpcore looks at every connection of its pool."""
        if url not in self._pools:
            self._pools[url] = httpcore.AsyncConnectionPool(
                ssl_context=self._context,
                max_connections=None,
                keepalive_expiry=KEEP_ALIVE_S,
                network_backend=self._backend,
            )
        return self._pools[url]

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises: whatever goes wrong is in the answer, as a sentence for the receiver's operator."""
        started = monotonic()
        status, retry_after, received = None, None, bytearray()
        error: str | None = None
        try:
            # Not asyncio.timeout: it would also cancel the pool's shielded clean-up, and leak the connection.
            with anyio.fail_after(self._timeout_s):
                async with self._pool_of(url).stream(
                    "POST", url, headers=_with_host(headers, url), content=body, extensions=self._limits
                ) as response:
                    status, retry_after = response.status, _retry_after(response.headers)
                    async for chunk in response.aiter_stream():
                        received += chunk
                        if len(received) >= MAX_ANSWER_BYTES:
                            break
        except FAILURES as raised:
            error = _explain(raised, self._timeout_s)
        return Answer(status, error, _text(received), retry_after, monotonic() - started)

    async def close_unused(self) -> None:
        """Close the connections to URLs that have had no request for a while. A pool only does so at its next."""
        for url, pool in list(self._pools.items()):
            if all(connection.has_expired() for connection in pool.connections):
                await self._pools.pop(url).aclose()

    async def close(self) -> None:
        while self._pools:
            await self._pools.popitem()[1].aclose()


def _with_host(headers: Mapping[str, str], url: str) -> list[tuple[str, str]]:
    return [("host", urlsplit(url).netloc), *headers.items()]  # httpcore's own lacks the brackets of an IPv6 address


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), None)


def _text(received: bytearray) -> str:
    """The beginning of an answer, as text that every database can store."""
    return received[:MAX_ANSWER_BYTES].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _explain(error: Exception, timeout_s: float) -> str:
    match error:
        case UnsafeAddress():
            return "The host has an address that is not public; LEADSCORE_WEBHOOK_HOSTS can allow the host."
        case TimeoutError():
            return f"The request did not end within {timeout_s:g} seconds."
        case socket.gaierror() | UnicodeError():
            return "The host's name can't be resolved."
        case httpcore.ConnectTimeout():
            return "The host did not accept a connection in time."
        case httpcore.NetworkError() | httpcore.TimeoutException() | OSError():
            return f"The connection failed: {error}"[:MAX_ERROR_LENGTH]
        case _:
            return f"The answer can't be read: {error}"[:MAX_ERROR_LENGTH]
