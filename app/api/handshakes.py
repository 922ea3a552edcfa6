"""Requests that vendors' browser libraries make before they send events, and their reports about themselves."""

import orjson
from fastapi import Request
from fastapi.responses import Response

from app.api.access import runtime_of, secret_from_header
from app.api.bodies import read_body
from app.api.forwarded import public_host, public_prefix, public_protocol
from app.api.paths import METRICS_PATH, SOURCE_CONFIG_PATH
from app.api.plain_routes import PlainRoute
from app.errors import InvalidKey


async def client_settings(request: Request) -> Response:
    """The settings that analytics.js loads first: only our own integration, and where to send events."""
    key = await _publishable(request, request.path_params["key"])
    host = f"{public_host(request)}{public_prefix(request)}/v1"
    integration = {"apiKey": key, "apiHost": host, "protocol": public_protocol(request)}
    metrics = {"sampleRate": 0}  # otherwise each visitor's browser would report usage to Segment
    document = {"integrations": {"Segment.io": integration}, "plan": {"track": {}}, "metrics": metrics}
    return Response(orjson.dumps(document), headers={"Cache-Control": "no-store"}, media_type="application/json")


async def source_config(request: Request) -> Response:
    """The configuration that RudderStack's browser library loads first: no destinations besides us."""
    key = await _publishable(request, request.query_params.get("writeKey") or secret_from_header(request))
    silent = {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}}
    known = {"id": "leadscore", "name": "leadscore", "writeKey": key, "workspaceId": "leadscore"}
    source = {**known, "enabled": True, "config": silent, "connections": [], "destinations": []}
    return Response(orjson.dumps({"source": source, "updatedAt": ""}), media_type="application/json")


async def _publishable(request: Request, secret: str | None) -> str:
    """The key, if it is a write key, which pages may show. Raises `InvalidKey`."""
    if secret is None or (await runtime_of(request).keys.recognise(secret)).kind != "write":
        raise InvalidKey
    return secret


async def receive_client_metrics(request: Request) -> Response:
    """Discard what analytics.js reports about its own performance."""
    await read_body(request, runtime_of(request).settings.body_timeout_s)
    return Response(b'{"success":true}', media_type="application/json")


def make_routes() -> list[PlainRoute]:
    answers = {"/v1/projects/{key}/settings": client_settings, SOURCE_CONFIG_PATH: source_config}
    return [
        PlainRoute(METRICS_PATH, receive_client_metrics, methods=["POST"], include_in_schema=False),
        *(PlainRoute(path, answer, methods=["GET"], include_in_schema=False) for path, answer in answers.items()),
    ]
