"""Wires everything: takes settings, returns an ASGI application. Nothing runs at import."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware import Middleware
from fastapi.routing import APIRoute

from app.api import (
    changes,
    docs,
    dry_runs,
    forms,
    funnel,
    handshakes,
    ingest,
    keys,
    leads,
    models,
    ops,
    rejections,
    rollouts,
    signals,
)
from app.api.middleware import (
    CrashMiddleware,
    CrossOriginMiddleware,
    DirectMiddleware,
    HeadAsGetMiddleware,
    ObservationMiddleware,
    SingleSlashMiddleware,
)
from app.api.openapi import Documented, operation_id
from app.api.problems import HANDLERS, on_crash, on_refusal
from app.clock import utc_now
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.prune import prune
from app.workers.rollout import run_rollout
from app.workers.schedule import repeat
from app.workers.sweep import sweep

PRUNE_INTERVAL_S = 3_600
ROLLOUT_INTERVAL_S = 2  # the longest wait before a published model reaches the first leads


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """The application. Its lifespan opens the database and runs the workers; at the end it commits what is queued."""
    runtime = Runtime(settings, clock)
    direct_routes = [*ingest.make_routes(), *handshakes.make_routes()]
    app = Documented(
        title="leadscore",
        summary="Signals are counted, scores weigh signals, stages read scores.",
        version=version("leadscore"),
        lifespan=lambda _app: _running(runtime),
        docs_url=None,  # FastAPI's own pages load scripts from third parties
        redoc_url=None,
        redirect_slashes=False,  # behind a proxy the redirect may be wrong, and a key in the query would go along
        strict_content_type=False,  # `curl -d` declares a form
        telemetry={"tracing": False, "metrics": False, "logs": False},  # costs time on every request; we have /metrics
        servers=[{"url": "."}],  # relative to /openapi.json, wherever a proxy serves it
        routes=[*direct_routes],
        generate_unique_id_function=operation_id,
        exception_handlers=HANDLERS,
        middleware=_middleware(runtime, direct_routes),
    )
    app.state.runtime = runtime
    for router in (
        forms.make_router(),
        leads.router,
        changes.router,
        funnel.router,
        signals.router,
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


def _middleware(runtime: Runtime, direct_routes: list[APIRoute]) -> list[Middleware]:
    """From the outermost to the innermost."""
    return [
        Middleware(SingleSlashMiddleware),
        Middleware(ObservationMiddleware, metrics=runtime.metrics),
        Middleware(CrossOriginMiddleware, origins=runtime.settings.cors_origins),
        Middleware(CrashMiddleware, on_crash=on_crash),
        Middleware(HeadAsGetMiddleware),
        Middleware(DirectMiddleware, routes=direct_routes, on_refusal=on_refusal),
    ]


@asynccontextmanager
async def _running(runtime: Runtime) -> AsyncIterator[None]:
    """The runtime started, with its workers, until the context ends."""
    await runtime.start()
    settings, stopping = runtime.settings, asyncio.Event()
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
