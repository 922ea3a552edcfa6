"""Authentication: the key of a request, from wherever it may be sent, and what each kind of key may do."""

import base64
from collections.abc import Awaitable, Callable, Collection
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from app.api.quotas import charge
from app.errors import InsufficientScope, OriginNotAllowed
from app.services.keys import Key, KeyKind
from app.services.runtime import Runtime
from app.validation.origins import is_allowed

_bearer = HTTPBearer(
    auto_error=False,
    description="A key: of kind `write` or `server` to send events, `read` or `admin` for everything else.",
)
SECURITY: list[dict[str, list[str]]] = [{_bearer.scheme_name: []}]
"""For the OpenAPI document: the security of routes that find their keys themselves."""


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def _current_runtime(request: Request) -> Runtime:
    """A coroutine, because FastAPI runs any other dependency in a thread."""
    return runtime_of(request)


CurrentRuntime = Annotated[Runtime, Depends(_current_runtime)]


def secret_from_header(request: Request) -> str | None:
    """The key in the Authorization header: a Bearer token or, as Segment's clients send it, the Basic user name."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return _basic_user(credentials) if scheme.lower() == "basic" else None


def _basic_user(credentials: str) -> str | None:
    try:
        return base64.b64decode(credentials).decode().partition(":")[0]
    except ValueError:  # includes binascii.Error
        return None


async def key_of_request(request: Request, _documented: Annotated[object, Security(_bearer)]) -> Key:
    """The request's key, which is charged once, however many of a route's dependencies need it.

    Raises `QuotaExceeded`.
    """
    return await _charged_key(request)


async def _charged_key(request: Request) -> Key:
    runtime = runtime_of(request)
    key = await runtime.keys.recognise(secret_from_header(request))
    await charge(runtime, request, key)
    return key


def needs(*kinds: KeyKind) -> Callable[[Key], Awaitable[Key]]:
    """A dependency that returns the request's key. Raises `InsufficientScope` unless it is of one of these kinds."""

    async def check(key: Annotated[Key, Depends(key_of_request)]) -> Key:
        return _of_kind(key, kinds)

    return check


def _of_kind(key: Key, kinds: Collection[KeyKind]) -> Key:
    if key.kind not in kinds:
        raise InsufficientScope(f"A key of kind {key.kind} can't do this: use a key of kind {' or '.join(kinds)}.")
    return key


READERS: tuple[KeyKind, ...] = ("read", "admin")


async def reader_of(request: Request) -> Key:
    """The same as `Reader`, for routes without dependencies. Raises `QuotaExceeded` or `InsufficientScope`."""
    return _of_kind(await _charged_key(request), READERS)


Reader = Depends(needs(*READERS))
Admin = Depends(needs("admin"))
AdminKey = Annotated[Key, Admin]


async def key_from_header(request: Request) -> Key | None:
    """The key in the header of an ingestion request, None if there is none."""
    secret = secret_from_header(request)
    return _may_ingest(request, await runtime_of(request).keys.recognise(secret)) if secret else None


async def publishable_key_from_request(request: Request, secret: str | None) -> Key:
    """The key in the query of an ingestion request or, failing that, `secret` from its body.

    Raises `InsufficientScope` unless it is a write key: proxies log queries, and pages show bodies to anybody.
    """
    key = await runtime_of(request).keys.recognise(request.query_params.get("writeKey") or secret)
    if key.kind != "write":
        raise InsufficientScope(f"A key of kind {key.kind} is secret: send it in the Authorization header.")
    return _may_ingest(request, key)


def _may_ingest(request: Request, key: Key) -> Key:
    if key.kind not in ("write", "server"):
        raise InsufficientScope(f"A key of kind {key.kind} can't send events: use a key of kind write or server.")
    _check_origin(request, key)
    return key


def _check_origin(request: Request, key: Key) -> None:
    origin = request.headers.get("origin")
    if origin is None or key.origins is None:
        return
    if not is_allowed(origin, key.origins):
        if origin == "null":
            raise OriginNotAllowed(
                "This key is limited to origins and the page sends none: use a referrer policy that sends it."
            )
        raise OriginNotAllowed("This key does not list the page's origin: use or create a key that lists it.")
