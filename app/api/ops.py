"""Health checks and metrics."""

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from app.api.access import CurrentRuntime
from app.api.problems import Problem

router = APIRouter(tags=["operations"])


class Status(BaseModel):
    status: str


@router.get("/livez")
async def check_liveness() -> Status:
    """Whether the process responds. It does not query the database."""
    return Status(status="ok")


@router.get("/readyz", responses={503: {"model": Problem}})
async def check_readiness(runtime: CurrentRuntime) -> Status:
    """Whether requests can be served: the database is up, with this version's schema, and no shutdown has begun."""
    await runtime.check()
    return Status(status="ok")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def get_metrics(runtime: CurrentRuntime) -> Response:
    """Metrics for Prometheus."""
    await runtime.observe()
    return Response(generate_latest(runtime.metrics.registry), media_type=CONTENT_TYPE_LATEST)
