"""The service's status over HTTP, as an operator looks at it."""

from app.api.access import CurrentRuntime, Reader
from app.api.routes import strict_router
from app.documents.status import StatusDocument
from app.services.status import read_status

router = strict_router("/v1/status", "operations", Reader)


@router.get("")
async def get_status(runtime: CurrentRuntime) -> StatusDocument:
    """What runs, whether it is ready, and what is left to do. Numbers equal those of `/metrics`."""
    return StatusDocument.of(await read_status(runtime))
