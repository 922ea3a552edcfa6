"""Challenges over HTTP: what the widget of a form solves before the form is sent."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.access import SECURITY, key_from_header, publishable_key_from_request, runtime_of
from app.api.problems import Problem
from app.api.quotas import charge
from app.documents.challenges import ChallengeDocument
from app.errors import NotFound

router = APIRouter(prefix="/v1", tags=["ingestion"])


@router.get(
    "/challenge",
    responses={status: {"model": Problem} for status in (401, 403, 404, 422, 429, 503)},
    openapi_extra={"security": SECURITY},
)
async def get_challenge(
    request: Request,
    response: Response,
    write_key: Annotated[str | None, Query(alias="writeKey", description="The key that the form has.")] = None,
) -> ChallengeDocument:
    """A new challenge for one form, valid for an hour. 404 unless LEADSCORE_PROOF_OF_WORK_SECRET is set."""
    key = await key_from_header(request) or await publishable_key_from_request(request, write_key)
    runtime = runtime_of(request)
    await charge(runtime, request, key)
    if runtime.challenges is None:
        raise NotFound("Forms need no proof of work here: set LEADSCORE_PROOF_OF_WORK_SECRET to ask for it.")
    response.headers["Cache-Control"] = "no-store"
    return ChallengeDocument.model_validate(runtime.challenges.create(key.id, runtime.clock()))
