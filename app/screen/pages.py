"""Pages: Jinja templates with all data escaped, and links that work under any path that a proxy adds.

Links are relative to the page that holds them. A template writes them as `{{ root }}leads`.
"""

import re
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from app.screen import assets, charts, formats, labels

PART_HEADER = "HX-Request"
"""Sent by htmx, which asks for a part of a page."""

HOLDER_HEADER = "HX-Current-URL"
"""Sent by htmx: the page that asks for a part, and will hold it."""

FILTERS = (
    *(formats.ago, formats.cut, formats.day, formats.duration, formats.iso, formats.long_day, formats.number),
    *(formats.points, formats.score, formats.utc, labels.cause, labels.channel_title),
)


@cache
def environment() -> Environment:
    """Undefined names are errors, so that a misspelt one can't show up as nothing."""
    made = Environment(
        loader=PackageLoader("app.screen"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {each.__name__: each for each in FILTERS}
    made.globals |= {"charts": charts, "zip": zip}
    return made


def root_of(request: Request) -> str:
    """The relative path from the requested page to `/ui/`, as the browser sees it.

    The path as sent has the slashes that the browser counts, doubled ones included.
    """
    raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    return _up_from(raw_path.decode("latin-1").partition("/ui/")[2])


def _root_of_holder(request: Request) -> str:
    """The same from the page that will hold the answer. A part may have a deeper path than its page.

    The page's path may begin with what a proxy strips.
    """
    holder = request.headers.get(HOLDER_HEADER)
    return root_of(request) if holder is None else _up_from(re.split("[?#]", holder)[0].rpartition("/ui/")[2])


def _up_from(below_root: str) -> str:
    return "../" * below_root.count("/") or "./"


def part_or_page(request: Request, name: str) -> str:
    """The template of a part of a page if htmx asks for it, else that of the page."""
    return f"{name}_part.html" if PART_HEADER in request.headers else f"{name}.html"


def render(request: Request, template: str, status: int = 200, /, **context: Any) -> HTMLResponse:
    """A page, or a part of one."""
    root = _root_of_holder(request)
    known: dict[str, Any] = {"root": root, "static": f"{root}static/{assets.digest()}", "frame": None}
    known["is_part"] = PART_HEADER in request.headers
    return HTMLResponse(environment().get_template(template).render(**known | context), status)
