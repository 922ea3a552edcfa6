"""What other services ask most, a lead and its score, answered ahead of the framework (docs/decisions/0027).

Only plain requests: those with other parameters, or an invalid id, are left to the routes in `leads`.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.types import Scope

from app.api.access import reader_of, runtime_of
from app.api.direct import DirectRoute
from app.documents.identities import WantedIdentity
from app.documents.leads import LeadDocument, ScoreDocument
from app.scoring.events import IDENTITY_KINDS
from app.services.runtime import Runtime

Read = Callable[[Runtime, Any], Awaitable[bytes]]

LOOKUP_PATH = "/v1/leads/lookup"
_ID_PATH = re.compile(r"/v1/leads/(?P<id>[^/]+)(?P<part>/score|)")
_ID = TypeAdapter(UUID)


def plain_lead_read(scope: Scope) -> DirectRoute | None:
    """The route of a GET for a lead by its id or by one identity, or for its present score; None for any other."""
    path, query = scope["path"], scope["query_string"]
    if path == LOOKUP_PATH:
        wanted = _only_identity(query)
        return DirectRoute(path, partial(_receive, _read_by_identity, wanted)) if wanted else None
    found = _ID_PATH.fullmatch(path) if not query else None
    lead_id = _valid_id(found["id"]) if found else None
    if found is None or lead_id is None:
        return None
    return DirectRoute(f"/v1/leads/{{lead_id}}{found['part']}", partial(_receive, _READS[found["part"]], lead_id))


def _only_identity(query: bytes) -> WantedIdentity | None:
    """The identity in a query without other parameters."""
    given = QueryParams(query).multi_items()
    return WantedIdentity(**dict(given)) if len(given) == 1 and given[0][0] in IDENTITY_KINDS else None


def _valid_id(text: str) -> UUID | None:
    """Read as FastAPI reads it."""
    try:
        return _ID.validate_python(text)
    except ValidationError:
        return None


async def _receive(read: Read, wanted: Any, request: Request) -> Response:
    await reader_of(request)
    return Response(await read(runtime_of(request), wanted), media_type="application/json")


async def _read_by_identity(runtime: Runtime, wanted: WantedIdentity) -> bytes:
    identity = wanted.read(runtime.settings.phone_region)
    return LeadDocument.json_of(await runtime.leads.get_by_identity(identity, runtime.clock()))


async def _read_lead(runtime: Runtime, lead_id: UUID) -> bytes:
    return LeadDocument.json_of(await runtime.leads.get(lead_id, runtime.clock()))


async def _read_score(runtime: Runtime, lead_id: UUID) -> bytes:
    return ScoreDocument.json_of(await runtime.leads.score(lead_id, None, runtime.clock()))


_READS: dict[str, Read] = {"": _read_lead, "/score": _read_score}
