"""Builds the ASGI application from the settings. Nothing runs at import."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware import Middleware

from app.api import docs, dry_runs, forms, handshakes, ingest, keys, leads, models, ops, rejections, rollouts
from app.api.middleware import (
    CrashMiddleware,
    CrossOriginMiddleware,
    DirectMiddleware,
    HeadAsGetMiddleware,
    ObservationMiddleware,
    SingleSlashMiddleware,
)
from app.api.openapi import Documented
from app.api.problems import HANDLERS, on_crash, on_refusal
from app.clock import utc_now
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.prune import prune
from app.workers.rollout import run_rollout
from app.workers.schedule import repeat
from app.workers.sweep import sweep

PRUNE_INTERVAL_S = 3_600
ROLLOUT_INTERVAL_S = 2  # the longest delay before a published model's rollout starts


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """The application. Its lifespan starts the runtime and the background jobs, and stops them in order."""
    runtime = Runtime(settings, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await runtime.start()
        stopping = asyncio.Event()
        jobs = [
            repeat("sweep", settings.sweep_interval_s, lambda: sweep(runtime, stopping), stopping),
            repeat("rollout", ROLLOUT_INTERVAL_S, lambda: run_rollout(runtime, stopping), stopping),
            repeat("prune", PRUNE_INTERVAL_S, lambda: prune(runtime), stopping),
        ]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks)
            await runtime.stop()

    routes = [*ingest.make_routes(), *handshakes.make_routes()]
    app = Documented(
        title="leadscore",
        summary="Signals are counted, scores weigh signals, stages read scores.",
        version=version("leadscore"),
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load scripts from a third party
        redoc_url=None,
        redirect_slashes=False,  # the public URL is the proxy's, and a redirect would repeat a key in the query
        strict_content_type=False,  # `curl -d` labels every body a form
        telemetry={"tracing": False, "metrics": False, "logs": False},  # /metrics is enough; each slows every request
        servers=[{"url": "."}],  # relative to /openapi.json, whatever prefix a proxy adds
        routes=[*routes],
        exception_handlers=HANDLERS,
        middleware=[
            Middleware(SingleSlashMiddleware),
            Middleware(ObservationMiddleware, metrics=runtime.metrics),
            Middleware(CrossOriginMiddleware, origins=settings.cors_origins),
            Middleware(CrashMiddleware, on_crash=on_crash),
            Middleware(HeadAsGetMiddleware),
            Middleware(DirectMiddleware, routes=routes, on_refusal=on_refusal),
        ],
    )
    app.state.runtime = runtime
    for router in (
        forms.make_router(),
        leads.router,
        models.router,
        rollouts.router,
        dry_runs.router,
        keys.router,
        rejections.router,
        ops.router,
        docs.router,
    ):
        app.include_router(router)
    return app
