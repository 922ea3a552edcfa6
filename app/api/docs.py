"""The page at `/docs`: Swagger UI, served from our own files, so that no third party sees a key typed into it."""

from enum import StrEnum
from importlib.resources import files

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

router = APIRouter(include_in_schema=False)


class Asset(StrEnum):
    """The files of Swagger UI that the page loads, as fastapi-offline bundles them."""

    SCRIPT = "swagger-ui-bundle.js"
    STYLE = "swagger-ui.css"
    ICON = "favicon.png"


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Interactive documentation of the API. Its URLs are relative, since a proxy may add a prefix."""
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="leadscore",
        swagger_js_url=f"docs/{Asset.SCRIPT}",
        swagger_css_url=f"docs/{Asset.STYLE}",
        swagger_favicon_url=f"docs/{Asset.ICON}",
    )


@router.get("/docs/{asset}")
async def docs_asset(asset: Asset) -> FileResponse:
    return FileResponse(str(files("fastapi_offline").joinpath("static", asset)))
