"""Error answers: `application/problem+json` (RFC 9457). They never repeat the input."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app import errors
from app.api.paths import is_ingestion
from app.validation.error_messages import encodable, error_message
from app.validation.faults import Fault, InvalidModel

log = structlog.get_logger()

OnRefusal = Callable[[Request, Exception], Awaitable[Response]]
OnCrash = Callable[[Request, Exception], Response]
Responses = dict[int | str, dict[str, Any]]
"""Answers by status, for the OpenAPI document."""

TYPE_PREFIX = "urn:leadscore:problem:"
MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[Exception], int] = {
    errors.MalformedJson: 400,
    errors.MalformedRequest: 400,
    errors.InvalidMessage: 400,
    errors.InvalidKey: 401,
    errors.InsufficientScope: 403,
    errors.OriginNotAllowed: 403,
    errors.NotFound: 404,
    errors.RequestTimeout: 408,
    errors.ModelChanged: 409,
    errors.Gone: 410,
    errors.DamagedLead: 500,
    errors.DamagedModel: 500,
    errors.ContentTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.UnsupportedEncoding: 415,
    errors.UnsafeRedirect: 422,
    errors.UnsafeUrl: 422,
    errors.ValidationFailed: 422,
    errors.ExamplesFailed: 422,
    errors.QuotaExceeded: 429,
    errors.Unavailable: 503,
    errors.SchemaOutdated: 503,
}


class FaultDocument(BaseModel):
    path: str
    message: str


class Problem(BaseModel):
    """The members of RFC 9457. Ingestion adds `code`, `message`, `error` and `success`."""

    type: str = Field(examples=["urn:leadscore:problem:not-found"])
    title: str
    status: int
    detail: str
    errors: list[FaultDocument] = []


REFUSALS: Responses = {status: {"model": Problem} for status in (400, 401, 403, 404, 408, 413, 415, 422, 429, 503)}
"""The error answers of routes outside ingestion."""


def problem(request: Request, status: int, code: str, detail: str, **more: Any) -> Response:
    """A problem answer. On ingestion's paths it also has the fields that analytics clients look for."""
    request.scope["problem"] = code  # for the log
    document = {
        "type": TYPE_PREFIX + code,
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        **more,
    }
    if is_ingestion(request.scope["path"]):
        document |= {"success": False, "code": code, "message": detail, "error": detail}
    return Response(orjson.dumps(document), status, media_type=MEDIA_TYPE)


async def on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.LeadscoreError)  # noqa: S101 - FastAPI passes the type that it is registered for
    faults = error.faults if isinstance(error, errors.ValidationFailed) else ()
    more = {"errors": _documents(faults)} if faults else {}
    status = STATUS[type(error)]
    if isinstance(error, errors.InvalidMessage) and error.code == errors.ContentTooLarge.code:
        status = STATUS[errors.ContentTooLarge]
    answer = problem(request, status, error.code, error.detail, **more)
    if isinstance(error, errors.InvalidKey):
        # Not Basic, though it is accepted: it would make a browser ask for a password.
        answer.headers["WWW-Authenticate"] = 'Bearer realm="leadscore"'
    if isinstance(error, errors.QuotaExceeded):
        answer.headers.update(_quota_headers(error))
    if isinstance(error, errors.Unavailable):
        answer.headers["Retry-After"] = str(error.retry_after_s)
        request.scope["reason"] = error.reason  # for the log
    return answer


def _quota_headers(error: errors.QuotaExceeded) -> dict[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers-10 has them."""
    return {
        "Retry-After": str(error.retry_after_s),
        "RateLimit": f'"{error.name}";r={error.left};t={error.retry_after_s}',
        "RateLimit-Policy": f'"{error.name}";q={error.amount};w={error.window_s}',
    }


async def on_invalid_model(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidModel)  # noqa: S101 - as above
    count = "1 fault" if len(error.faults) == 1 else f"{len(error.faults)} faults"
    detail = f"The scoring model has {count}; `errors` names the path of each."
    return problem(request, 422, "invalid-model", detail, errors=_documents(error.faults))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    faults = [_fault(fault) for fault in error.errors()]
    if any(fault["type"] == "json_invalid" for fault in error.errors()):
        return problem(request, 400, "malformed-json", "The body is not JSON.")
    detail = "; ".join(map(str, faults))
    return problem(request, 422, "validation-error", detail, errors=_documents(faults))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Errors of the router itself: an unknown path or a wrong method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    phrase = HTTPStatus(error.status_code).phrase
    detail = _ROUTER.get(error.status_code, f"{phrase}.")
    answer = problem(request, error.status_code, phrase.lower().replace(" ", "-"), detail)
    answer.headers.update(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_methods(request))
    return answer


def _methods(request: Request) -> Iterator[str]:
    """Those of all routes with this path: the router's own answer has only those of the first."""
    for method in ("DELETE", "GET", "PATCH", "POST", "PUT"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            yield method
            if method == "GET":
                yield "HEAD"  # which is handled as GET before the router sees it


_ROUTER = {
    404: "There is nothing at this path; see /docs.",
    405: "This path does not support this method; see /docs.",
}


def on_crash(request: Request, error: Exception) -> Response:
    """An internal error. Details go to the log, not into the answer."""
    log.error("request failed", exc_info=error)
    return problem(request, 500, "internal-error", "Internal error; the server's log has the details.")


def _fault(found: Any) -> Fault:
    if found["type"] == "extra_forbidden":  # without the name, which is the client's own text
        return Fault(_path(found["loc"][:-1]), "has an unknown field")
    return Fault(_path(found["loc"]), error_message(found))


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _documents(faults: Any) -> list[dict[str, str]]:
    return [{"path": encodable(fault.path), "message": encodable(fault.message)} for fault in faults]


HANDLERS: dict[Any, Any] = {
    errors.LeadscoreError: on_refusal,
    InvalidModel: on_invalid_model,
    RequestValidationError: on_invalid_request,
    HTTPException: on_http_error,
}
