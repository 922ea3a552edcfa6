"""The page at `/docs`: Swagger UI, from files of our own server, so that a key typed into it is seen by no other."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

ASSETS_PATH = "/docs/assets"

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """What the API can do, to be read and tried. Its addresses are relative, for a proxy may add a path of its own."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="leadscore",
        swagger_js_url="docs/assets/swagger-ui-bundle.js",
        swagger_css_url="docs/assets/swagger-ui.css",
        swagger_favicon_url="docs/assets/favicon.png",
    )


def assets() -> StaticFiles:
    """The files of Swagger UI, as fastapi-offline bundles them."""
    return StaticFiles(directory=str(files("fastapi_offline").joinpath("static")))
