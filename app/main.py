"""Wires everything: takes settings, returns an ASGI application. Nothing runs at import."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.middleware import Middleware
from fastapi.routing import APIRoute

from app.api import (
    accounts,
    activity,
    changes,
    deliveries,
    docs,
    dry_runs,
    exports,
    forms,
    funnel,
    handshakes,
    ingest,
    jobs,
    keys,
    lead_lists,
    leads,
    links,
    model_checks,
    models,
    ops,
    previews,
    rejections,
    retractions,
    rollouts,
    signals,
    status,
    suppressions,
    transitions,
    webhooks,
)
from app.api.middleware import (
    CrashMiddleware,
    CrossOriginMiddleware,
    DirectMiddleware,
    HeadAsGetMiddleware,
    ObservationMiddleware,
    ScreenCompressionMiddleware,
    SingleSlashMiddleware,
)
from app.api.openapi import Documented, operation_id
from app.api.problems import HANDLERS, on_crash, on_refusal
from app.clock import utc_now
from app.screen import routers as screen
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.running import noting_key_uses, running_workers


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now, *, workers: bool = True) -> FastAPI:
    """The application. Its lifespan opens the database; at the end it commits what is queued.

    `workers`: also do the background work, which other processes can do as well.
    """
    direct_routes = [*ingest.make_routes(), *handshakes.make_routes()]
    app = _assembled(Runtime(settings, clock), direct_routes, _routers(settings), workers=workers)
    app.webhooks.routes = webhooks.messages.routes
    return app


def create_worker(settings: Settings, clock: Callable[[], datetime] = utc_now) -> FastAPI:
    """The background work alone, with health checks and metrics."""
    return _assembled(Runtime(settings, clock), [], [ops.router], workers=True)


def _assembled(
    runtime: Runtime, direct_routes: list[APIRoute], routers: Iterable[APIRouter], *, workers: bool
) -> FastAPI:
    app = Documented(
        title="leadscore",
        summary="Signals are counted, scores weigh signals, stages read scores.",
        version=version("leadscore"),
        lifespan=lambda _app: running(runtime, workers=workers),
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
    for router in routers:
        app.include_router(router)
    return app


def _routers(settings: Settings) -> list[APIRouter]:
    return [
        forms.make_router(),
        lead_lists.router,  # before `leads`, whose paths have an id in the place of `counts`
        leads.router,
        links.router,
        exports.router,
        retractions.router,
        suppressions.router,
        transitions.router,
        accounts.router,
        changes.router,
        webhooks.router,
        deliveries.router,
        funnel.router,
        signals.router,
        model_checks.router,
        previews.router,
        models.router,
        rollouts.router,
        dry_runs.router,
        jobs.router,
        keys.router,
        rejections.router,
        activity.router,
        status.router,
        ops.router,
        docs.router,
        *([screen.make_router()] if settings.screen == "on" else []),
    ]


def _middleware(runtime: Runtime, direct_routes: list[APIRoute]) -> list[Middleware]:
    """From the outermost to the innermost."""
    return [
        Middleware(SingleSlashMiddleware),
        Middleware(ObservationMiddleware, metrics=runtime.metrics),
        Middleware(CrossOriginMiddleware, origins=runtime.settings.cors_origins),
        Middleware(CrashMiddleware, on_crash=on_crash),
        Middleware(ScreenCompressionMiddleware),
        Middleware(HeadAsGetMiddleware),
        Middleware(DirectMiddleware, routes=direct_routes, on_refusal=on_refusal),
    ]


@asynccontextmanager
async def running(runtime: Runtime, *, workers: bool) -> AsyncIterator[None]:
    """The runtime started, with the background jobs if wanted, until the context ends."""
    await runtime.start()
    try:
        async with noting_key_uses(runtime), running_workers(runtime) if workers else nullcontext():
            yield
    finally:
        await runtime.stop()
