"""Wires everything: takes settings, returns an ASGI application. Nothing runs at import."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from functools import cache
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.middleware import Middleware
from starlette.routing import BaseRoute

from app.api import (
    accounts,
    activity,
    challenges,
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
from app.api.direct import DirectMiddleware
from app.api.lead_reads import plain_lead_read
from app.api.middleware import (
    CrashMiddleware,
    CrossOriginMiddleware,
    HeadAsGetMiddleware,
    ObservationMiddleware,
    ScreenCompressionMiddleware,
    SingleSlashMiddleware,
)
from app.api.observation import Observer
from app.api.openapi import Documented, operation_id
from app.api.plain_routes import PlainRoute
from app.api.problems import HANDLERS, on_crash, on_refusal
from app.clock import utc_now
from app.screen import routers as pages
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.running import noting_key_uses, running_workers


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now, *, workers: bool = True) -> FastAPI:
    """The application. Its lifespan opens the database; at the end it commits what is queued.

    `workers`: also do the background work, which other processes can do as well.
    """
    runtime, routes = Runtime(settings, clock), _api(screen=settings.screen == "on")
    observer = Observer(runtime.metrics)
    app = _assembled(runtime, routes, observer, workers=workers)
    app.webhooks.routes = webhooks.messages.routes
    direct_routes = [route for route in routes if isinstance(route, PlainRoute)]
    # Set here, because what is passed as middleware comes after FastAPI's own.
    app.middleware_stack = DirectMiddleware(
        app.build_middleware_stack(), direct_routes, plain_lead_read, observer, on_refusal=on_refusal, on_crash=on_crash
    )
    return app


def create_worker(settings: Settings) -> FastAPI:
    """The background work alone, with health checks and metrics."""
    runtime = Runtime(settings, utc_now)
    return _assembled(runtime, _routes([], [ops.router]), Observer(runtime.metrics), workers=True)


def _assembled(runtime: Runtime, routes: Sequence[BaseRoute], observer: Observer, *, workers: bool) -> FastAPI:
    app = Documented(
        title="leadscore",
        summary="Signals are counted, scores weigh signals, stages read scores.",
        version=version("leadscore"),
        lifespan=lambda _app: running(runtime, workers=workers),
        docs_url=None,  # FastAPI's own pages load scripts from third parties
        redoc_url=None,
        redirect_slashes=False,  # behind a proxy the redirect may be wrong, and a key in the query would go along
        telemetry={"tracing": False, "metrics": False, "logs": False},  # costs time on every request; we have /metrics
        servers=[{"url": "."}],  # relative to /openapi.json, wherever a proxy serves it
        routes=[*routes],
        exception_handlers=HANDLERS,
        middleware=_middleware(runtime, observer),
    )
    app.state.runtime = runtime
    return app


@cache
def _api(*, screen: bool) -> Sequence[BaseRoute]:
    """All routes. Made once, since FastAPI takes a while to make them, and the tests make thousands of applications."""
    routers = [
        forms.make_router(),
        challenges.router,
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
        *([pages.make_router()] if screen else []),
    ]
    return _routes([*ingest.make_routes(), *handshakes.make_routes()], routers)


def _routes(direct_routes: Sequence[PlainRoute], routers: Iterable[APIRouter]) -> Sequence[BaseRoute]:
    everything = APIRouter(
        routes=[*direct_routes],
        generate_unique_id_function=operation_id,
        strict_content_type=False,  # `curl -d` declares a form
    )
    for router in routers:
        everything.include_router(router)
    return everything.routes


def _middleware(runtime: Runtime, observer: Observer) -> list[Middleware]:
    """From the outermost to the innermost."""
    return [
        Middleware(SingleSlashMiddleware),
        Middleware(ObservationMiddleware, observer=observer),
        Middleware(CrossOriginMiddleware, origins=runtime.settings.cors_origins),
        Middleware(CrashMiddleware, on_crash=on_crash),
        Middleware(ScreenCompressionMiddleware),
        Middleware(HeadAsGetMiddleware),
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
