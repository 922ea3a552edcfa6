"""All routes of the screen, to be included by the application."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse

from app.errors import NotFound
from app.screen import (
    accounts,
    assets,
    deliveries,
    dry_runs,
    funnel,
    insight,
    keys,
    lead,
    leads,
    models,
    ops,
    rejections,
    sign_in,
    signals,
)
from app.screen.routes import ScreenRoute

FOREVER = "public, max-age=31536000, immutable"
PAGES = (sign_in, leads, lead, accounts, funnel, signals, models, dry_runs, insight, ops, rejections, deliveries, keys)
ALL_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def make_router() -> APIRouter:
    """The routes under `/ui`, and the redirect from `/`."""
    router = APIRouter(route_class=ScreenRoute, include_in_schema=False)
    router.add_api_route("/", to_screen)
    router.add_api_route("/ui", to_screen)
    router.add_api_route("/ui/", to_first_page)
    router.add_api_route("/ui/static/{digest}/{name:path}", static_file)
    for pages in PAGES:
        router.include_router(pages.router, prefix="/ui")
    router.add_api_route("/ui/{path:path}", unknown_page, methods=ALL_METHODS)
    return router


async def to_screen() -> RedirectResponse:
    return RedirectResponse("ui/", HTTPStatus.SEE_OTHER)


async def to_first_page() -> RedirectResponse:
    return RedirectResponse("leads", HTTPStatus.SEE_OTHER)


async def static_file(digest: str, name: str) -> FileResponse:
    """A file by its digest for good; by another, as while replicas are replaced, only this once."""
    path = assets.files().get(name)
    if path is None:
        raise NotFound("There is no such file.")
    lifetime = {"Cache-Control": FOREVER} if digest == assets.digest() else None
    return FileResponse(path, headers=lifetime, media_type=assets.MEDIA_TYPES[path.suffix])


async def unknown_page() -> None:
    raise NotFound("There is no page here: choose one from the menu.")
