"""The service's status over HTTP, as an operator looks at it."""

from fastapi import APIRouter

from app.api.access import CurrentRuntime, Reader
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.documents.status import StatusDocument
from app.services.status import read_status

router = APIRouter(
    prefix="/v1/status",
    tags=["operations"],
    route_class=StrictRoute,
    dependencies=[Reader],
    responses=REFUSALS,
)


@router.get("")
async def get_status(runtime: CurrentRuntime) -> StatusDocument:
    """What runs, whether it is ready, and what is left to do. Numbers equal those of `/metrics`."""
    return StatusDocument.of(await read_status(runtime))
