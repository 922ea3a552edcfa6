"""Previews of models that are not stored, as jobs. `api/models.py` previews stored versions, while the client waits."""

import asyncio

from app.api.access import Admin, CurrentRuntime
from app.api.routes import strict_router
from app.documents.jobs import JobDocument
from app.documents.previews import PreviewJobRequest
from app.services.models import read_model

router = strict_router("/v1/previews", "models")


@router.post("", status_code=202, dependencies=[Admin])
async def create_preview(runtime: CurrentRuntime, wanted: PreviewJobRequest) -> JobDocument:
    """Find out what publishing a model would change. The job's result is the preview; nothing is changed."""
    if isinstance(wanted.model, dict):
        await asyncio.to_thread(read_model, wanted.model)  # for its faults, now rather than in the job
    return JobDocument.of(await runtime.jobs.create("preview", wanted.model_dump(mode="json")))
