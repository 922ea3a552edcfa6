"""Joining and splitting leads by hand, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from app.api.access import Admin, CurrentRuntime
from app.api.identities import WantedIdentity, read_wanted
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.documents.links import MergeAnswer, SplitAnswer
from app.services.links import merge_leads, split_lead

MAX_LEADS = 20
MAX_IDENTITIES = 500

router = APIRouter(
    prefix="/v1/leads",
    tags=["leads"],
    route_class=StrictRoute,
    dependencies=[Admin],
    responses=REFUSALS,
)


class MergeRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lead_ids: Annotated[list[UUID], Field(min_length=2, max_length=MAX_LEADS)]
    dry_run: StrictBool = False


class SplitRequest(BaseModel):
    """The identities that become a lead of their own."""

    model_config = ConfigDict(extra="forbid")

    identities: Annotated[list[WantedIdentity], Field(min_length=1, max_length=MAX_IDENTITIES)]
    dry_run: StrictBool = False


@router.post("/merge")
async def merge_leads_by_hand(runtime: CurrentRuntime, wanted: MergeRequest) -> MergeAnswer:
    """Make these leads one, even if they were split. The identified one survives; of several, the oldest."""
    merger = await merge_leads(
        runtime.database, runtime.models, wanted.lead_ids, runtime.clock(), dry_run=wanted.dry_run
    )
    return MergeAnswer.of(merger, dry_run=wanted.dry_run)


@router.post("/{lead_id}/split")
async def split_lead_by_hand(runtime: CurrentRuntime, lead_id: UUID, wanted: SplitRequest) -> SplitAnswer:
    """Give some identities, with their events, to a new lead. Later messages that name both don't join them again."""
    region = runtime.settings.phone_region
    identities = [read_wanted(index, each, region) for index, each in enumerate(wanted.identities)]
    split = await split_lead(
        runtime.database, runtime.models, lead_id, identities, runtime.clock(), dry_run=wanted.dry_run
    )
    return SplitAnswer.of(split, dry_run=wanted.dry_run)
