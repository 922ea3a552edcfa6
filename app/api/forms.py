"""Plain HTML forms: `<form action="…/v1/forms/contact?writeKey=…" method="post">`, without a line of script."""

import math
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.api.access import SECURITY, runtime_of, sender_in_header, sender_in_the_open
from app.api.bodies import by_size, read_body
from app.api.ingest import Accepted, respond
from app.api.message_documents import form_body
from app.api.problems import Problem, on_refusal
from app.errors import LeadscoreError, UnsafeRedirect, ValidationFailed
from app.protocol.batches import read_single
from app.protocol.body import is_json, parse_json
from app.protocol.forms import FormPost, parse_form, read_form
from app.protocol.values import as_text
from app.scoring.sources import split_url
from app.services.intake import Outcome
from app.services.keys import Key

LONGEST_REFERER = 2_000


async def receive_form(request: Request, form: Annotated[str, Path(max_length=100)]) -> Response:
    """Take a form's post: urlencoded, multipart, `text/plain`, or a flat JSON object.

    A browser is sent on to `_next`, or shown a small page; a script gets JSON.
    """
    try:
        return await _receive(request, form)
    except LeadscoreError as error:
        return _for_people(request, await on_refusal(request, error), onward=None)


async def _receive(request: Request, form: str) -> Response:
    runtime = runtime_of(request)
    key = await sender_in_header(request)
    body = await read_body(request, runtime.settings.body_timeout_s)
    post = await by_size(len(body), lambda: _read(form, body, request.headers.get("content-type")))
    key = key or await sender_in_the_open(request, post.write_key)
    try:
        onward = _onward(request, key, post.next_url)
    except UnsafeRedirect as error:
        await runtime.intake.refuse(key, post.message, error)
        raise
    if post.honeypot_filled:
        await runtime.intake.quarantine(key, post.message)
        outcome = Outcome(accepted=1, duplicates=0, refused=())  # so the bot believes that all went well
    else:
        message = post.message | {"context": _context(request)}
        batch = read_single(message, type="form", sender=runtime.sender(key), received_at=runtime.clock())
        outcome = await runtime.intake.accept(key, batch)
    return _for_people(request, respond(request, outcome), onward)


def _read(form: str, body: bytes, content_type: str | None) -> FormPost:
    if not is_json(body):
        return read_form(form, parse_form(body, content_type))
    document = parse_json(body)
    if not isinstance(document, dict):
        raise ValidationFailed("A form as JSON is one flat object: its fields by name.")
    return read_form(form, [pair for name, value in document.items() for pair in _pairs(name, value)])


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    """A JSON value as the form's field, or fields, that it would have been."""
    values = value if isinstance(value, list) else [value]
    if any(isinstance(item, float) and not math.isfinite(item) for item in values):
        raise ValidationFailed("A field of the form holds a number that is too large: send it as text.")
    texts = [str(item).lower() if isinstance(item, bool) else as_text(item) for item in values if item is not None]
    if None in texts:
        raise ValidationFailed("A form's fields are text, numbers, true or false, or lists of these: flatten the rest.")
    return [(name, text) for text in texts if text is not None]


def _onward(request: Request, key: Key, next_url: str | None) -> str | None:
    """Where to send the browser. Raises `UnsafeRedirect`, for else this path would lead anybody anywhere."""
    if next_url is None:
        return None
    allowed = [*runtime_of(request).settings.form_redirects, *(key.origins or ())]
    if _origin(next_url) not in {origin.lower() for origin in allowed}:
        raise UnsafeRedirect("`_next` leads to an origin that is not allowed: name it in LEADSCORE_FORM_REDIRECTS.")
    return next_url


def _origin(url: str) -> str | None:
    parts = split_url(url)
    # Splitting drops line breaks, tabs and spaces around, a browser may not: it would open another address than this.
    as_written = url.isprintable() and url == url.strip() and "\\" not in url
    plain = as_written and parts.scheme in ("http", "https") and "@" not in parts.netloc
    return f"{parts.scheme}://{parts.netloc}".lower() if plain else None


def _context(request: Request) -> dict[str, Any]:
    page = request.headers.get("referer", "")[:LONGEST_REFERER]
    parts = split_url(page)
    # Between sites, browsers tell the origin alone: no page, which would pass for a direct visit.
    return {"page": {"url": page}} if parts.path.strip("/") or parts.query else {}


def _for_people(request: Request, answer: Response, onward: str | None) -> Response:
    """The answer as a browser's user should see it; a script's is left alone."""
    if "text/html" not in request.headers.get("accept", ""):
        return answer
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        # Not the challenge of a 401: a browser would ask its user for a password.
        kept = {name: answer.headers[name] for name in ("Retry-After",) if name in answer.headers}
        theirs = answer.status_code in FAULTS_OF_CONTENT and request.scope.get("problem") != UnsafeRedirect.code
        text = REFUSED if theirs else OUT_OF_ORDER
        return HTMLResponse(PAGE.format(title="That did not work", text=text), answer.status_code, kept)
    if onward is not None:
        return RedirectResponse(onward, HTTPStatus.SEE_OTHER)
    return HTMLResponse(PAGE.format(title="Thank you", text=RECEIVED))


FAULTS_OF_CONTENT = frozenset({400, 413, 415, 422})
OUT_OF_ORDER = (
    "This form can't take what you sent just now. That is not your fault: please tell those whose site it is."
)
REFUSED = "What you sent could not be used. Please go back, look at what you filled in, and send it again."
RECEIVED = "We have received what you sent."
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}}</style></head>
<body><h1>{title}</h1><p>{text}</p></body>
</html>
"""


def make_router() -> APIRouter:
    router = APIRouter(tags=["ingestion"])
    router.add_api_route(
        "/v1/forms/{form}",
        receive_form,
        methods=["POST"],
        responses={
            200: {"model": Accepted},
            303: {"description": "On to `_next`, for a browser."},
            **{status: {"model": Problem} for status in (400, 401, 403, 413, 415, 422, 503)},
        },
        openapi_extra={"requestBody": form_body(), "security": SECURITY},
    )
    return router
