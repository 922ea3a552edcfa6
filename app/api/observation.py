"""What is known of each request: an id, which its log lines and its answer carry, a measurement and a log line."""

import logging
from functools import cache
from http import HTTPStatus

import structlog
from prometheus_client import Histogram
from starlette.types import Scope
from uuid_utils import uuid7

from app.api.paths import PROBES, is_ingestion
from app.metrics import Metrics

log = structlog.get_logger()

REQUEST_ID = "X-Request-Id"
REQUEST_ID_HEADER = REQUEST_ID.lower().encode()
MAX_REQUEST_ID_LENGTH = 64


def bind_request_id(scope: Scope) -> bytes:
    """The client's id for the request, if it is usable, or else a new one. Log lines of this task carry it."""
    client_id = next((value for name, value in scope["headers"] if name == REQUEST_ID_HEADER), b"")
    usable = 0 < len(client_id) <= MAX_REQUEST_ID_LENGTH and client_id.replace(b"-", b"").isalnum()
    request_id = client_id.decode() if usable else uuid7().hex
    structlog.contextvars.bind_contextvars(request_id=request_id)
    return request_id.encode()


class Observer:
    """Reports requests to the log and the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._seconds = cache(lambda *labels: _child(metrics.requests, *labels))  # finding it takes longer than its use

    def report(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self._seconds(scope["method"], route, status).observe(seconds)
        # Accepted messages and successful probes would flood the log; the metrics count them.
        quiet = status == HTTPStatus.OK and (is_ingestion(scope["path"]) or scope["path"] in PROBES)
        level = logging.DEBUG if quiet else logging.INFO
        if log.is_enabled_for(level):
            refusal = {name: scope[name] for name in ("problem", "reason") if scope.get(name)}
            ms = round(seconds * 1000, 2)
            log.log(level, "request", method=scope["method"], route=route, status=status, ms=ms, **refusal)


def _child(requests: Histogram, method: str, route: str, status: int) -> Histogram:
    return requests.labels(method, route, str(status))
