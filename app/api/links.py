"""Joining and splitting leads by hand, over HTTP."""

from uuid import UUID

from app.api.access import Admin, CurrentRuntime
from app.api.routes import strict_router
from app.documents.identities import read_all
from app.documents.links import MergeAnswer, MergeRequest, SplitAnswer, SplitRequest
from app.services.links import merge_leads, split_lead

router = strict_router("/v1/leads", "leads", Admin)


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
    identities = read_all(wanted.identities, runtime.settings.phone_region)
    split = await split_lead(
        runtime.database, runtime.models, lead_id, identities, runtime.clock(), dry_run=wanted.dry_run
    )
    return SplitAnswer.of(split, dry_run=wanted.dry_run)
