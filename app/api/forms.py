"""Plain HTML forms, without JavaScript: `<form action="…/v1/forms/contact?writeKey=…" method="post">`."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.api.access import SECURITY, key_from_header, publishable_key_from_request, runtime_of
from app.api.bodies import in_thread_if_large, read_body
from app.api.bots import id_by_proof, suspicion_of_form
from app.api.ingest import Accepted, respond
from app.api.message_documents import form_body
from app.api.problems import Problem, on_refusal
from app.api.quotas import charge
from app.errors import LeadscoreError, UnsafeRedirect
from app.protocol.batches import read_single
from app.protocol.body import is_json, parse_json
from app.protocol.form_bodies import Fields, parse_form
from app.protocol.form_documents import read_document
from app.protocol.forms import FormPost, form_write_key, read_form
from app.scoring.referrers import split_url
from app.services.intake import Outcome
from app.services.keys import Key
from app.validation.origins import is_allowed

MAX_REFERER_LENGTH = 2_000


async def submit_form(request: Request, form: Annotated[str, Path(max_length=100)]) -> Response:
    """Submit a form: urlencoded, multipart, `text/plain`, or JSON, flat or nested as in form builders' webhooks.

    A browser is redirected to `_next` or shown a small page; scripts get JSON.
    """
    try:
        return await _receive(request, form)
    except LeadscoreError as error:
        return _html_response(request, await on_refusal(request, error), redirect_to=None)


async def _receive(request: Request, form: str) -> Response:
    runtime = runtime_of(request)
    key = await key_from_header(request)
    body = await read_body(request, runtime.settings.body_timeout_s)
    fields = await in_thread_if_large(len(body), lambda: _read_fields(body, request.headers.get("content-type")))
    key = key or await publishable_key_from_request(request, form_write_key(fields))
    await charge(runtime, request, key)
    sender = runtime.sender(key)
    post = await in_thread_if_large(
        len(body), lambda: read_form(form, fields, key.trait_map, phone_region=sender.phone_region)
    )
    now = runtime.clock()
    try:
        redirect_to = _redirect_target(request, key, post.next_url)
    except UnsafeRedirect as error:
        await runtime.intake.refuse(key, post.message, error, now)
        raise
    message_id = await id_by_proof(request, key, post)
    message = post.message | {"context": _context(request)} | ({"messageId": message_id} if message_id else {})
    messages = read_single(message, type="form", sender=sender, received_at=now)
    suspicion = suspicion_of_form(request, key, post, message_id, now)
    outcome = await runtime.intake.accept(key, messages, now, suspicion)
    return _html_response(request, respond(request, outcome), redirect_to, _to_correct(post, outcome))


def _read_fields(body: bytes, content_type: str | None) -> Fields:
    return read_document(parse_json(body)) if is_json(body) else parse_form(body, content_type)


def _to_correct(post: FormPost, outcome: Outcome) -> tuple[str, ...]:
    """The contact fields that the visitor can correct; none if the form was refused for another reason."""
    codes = [message.error.code for message in outcome.refused if message.error is not None]
    return post.unusable_contacts if codes == ["invalid-identity"] else ()


def _redirect_target(request: Request, key: Key, next_url: str | None) -> str | None:
    """Where to send the browser. Raises `UnsafeRedirect` unless allowed: this must not be an open redirect."""
    if next_url is None:
        return None
    allowed = [*runtime_of(request).settings.form_redirects, *(key.origins or ())]
    if not is_allowed(next_url, allowed):
        raise UnsafeRedirect("`_next` leads to an origin that is not allowed: add it to LEADSCORE_FORM_REDIRECTS.")
    return next_url


def _context(request: Request) -> dict[str, Any]:
    page = request.headers.get("referer", "")[:MAX_REFERER_LENGTH]
    parts = split_url(page)
    # Across sites, browsers send only the origin. Kept as the page, it would look like a direct visit.
    return {"page": {"url": page}} if parts.path.strip("/") or parts.query else {}


def _html_response(
    request: Request, answer: Response, redirect_to: str | None, to_correct: Iterable[str] = ()
) -> Response:
    """The answer as a page or a redirect for a browser; unchanged for scripts."""
    if "text/html" not in request.headers.get("accept", ""):
        return answer
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        # Without a 401's challenge, which would make the browser ask for a password.
        kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        contacts = " or ".join(CONTACTS[contact] for contact in to_correct)
        text = REFUSED.format(contacts=contacts) if contacts else OUT_OF_ORDER
        return HTMLResponse(PAGE.format(title="That did not work", text=text), answer.status_code, kept)
    if redirect_to is not None:
        return RedirectResponse(redirect_to, HTTPStatus.SEE_OTHER)
    return HTMLResponse(PAGE.format(title="Thank you", text=RECEIVED))


KEPT_HEADERS = ("Retry-After", "RateLimit", "RateLimit-Policy")
OUT_OF_ORDER = (
    "The form did not work, so what you sent was not received. That is not your fault: please tell the site's owner."
)
REFUSED = (
    "What you sent could not be used. Please go back, look at what you filled in, your {contacts} above all, "
    "and send it again."
)
CONTACTS = {"email": "email address", "phone": "telephone number"}
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
        submit_form,
        methods=["POST"],
        responses={
            200: {"model": Accepted},
            303: {"description": "A browser is redirected to `_next`."},
            **{status: {"model": Problem} for status in (400, 401, 403, 413, 415, 422, 429, 503)},
        },
        openapi_extra={"requestBody": form_body(), "security": SECURITY},
    )
    return router
