"""Models: their versions, drafting, checking, previewing and publishing, with `/v1/models` and `/v1/rollouts`."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator, Field

from app.api.access import CurrentRuntime
from app.api.jobs import get_job
from app.api.models import compare_models, get_model_schema, list_models, preview_model
from app.api.previews import create_preview
from app.api.rollouts import get_rollout, list_rollouts
from app.documents.model_checks import CheckDocument, DifferenceDocument
from app.documents.models import ModelDocument
from app.documents.parameters import MAX_VERSION, Note
from app.documents.previews import PreviewDocument, PreviewJobRequest, PreviewRequest
from app.documents.proposals import ProposalDocument
from app.errors import NotFound
from app.scoring.model import dump_model, dump_yaml
from app.screen.frames import CurrentFrame, Frame
from app.screen.pages import PART_HEADER, part_or_page
from app.screen.people import people_of
from app.screen.previews import PreviewLook, look_at, move_named, shown_leads
from app.screen.routes import ScreenRoute
from app.screen.viewers import AdminViewer, CurrentViewer
from app.services.model_checks import check_model, check_source
from app.services.models import Version, draft, get_version, read_model, read_written
from app.services.publishing import publish
from app.services.runtime import Runtime
from app.validation.faults import InvalidModel
from app.validation.numbers import AsWholeNumber

MAX_TEXT = 1_000_000
FAST_SAMPLE = 20_000
"""A page previews on so many leads at most: it has to answer within seconds."""

Number = Annotated[int, Field(ge=1, le=MAX_VERSION), AsWholeNumber]


def _with_newlines(text: str) -> str:
    """Browsers send the line breaks of a textarea as CRLF, whatever they were."""
    return text.replace("\r\n", "\n")


Text = Annotated[str, Form(max_length=MAX_TEXT), AfterValidator(_with_newlines)]
Move = Annotated[str | None, Query(max_length=200)]

router = APIRouter(prefix="/model", route_class=ScreenRoute)


@router.get("")
async def show_models(
    frame: CurrentFrame, runtime: CurrentRuntime, cursor: Annotated[str | None, Query()] = None
) -> Response:
    page = await list_models(runtime, cursor=cursor)
    return frame.render(
        "models.html",
        "model",
        versions=page.data,
        more=page.next_cursor and f"?cursor={page.next_cursor}",
        rollouts=(await list_rollouts(runtime)).data[:5],
    )


# --- Writing -----------------------------------------------------------------------------------------------------


@router.get("/edit")
async def edit(
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    version: Annotated[Number | None, Query()] = None,
    job: Annotated[UUID | None, Query()] = None,
) -> Response:
    """The editor, with the text of a version, by default the active one, or of a proposal."""
    text = await (_proposed(runtime, job) if job else _text_of(runtime, version))
    base = "the proposal" if job else f"version {version or frame.model_version}"
    return await _editor(frame, runtime, text, base=base)


@router.post("/check")
async def check(request: Request, frame: CurrentFrame, runtime: CurrentRuntime, text: Text = "") -> Response:
    """The results alone for the editor's script; without script, the editor again, with the results."""
    if PART_HEADER in request.headers:
        return frame.render("model_checks.html", "model", check=await _check(runtime, text))
    return await _editor(frame, runtime, text)


@router.post("/drafts")
async def keep_draft(
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    viewer: AdminViewer,
    text: Text = "",
    note: Annotated[Note | None, Form()] = None,
) -> Response:
    """Store the text as the next version. With faults, the editor again, with all that was written."""
    try:
        written = await asyncio.to_thread(read_written, text)
    except InvalidModel:
        return await _editor(frame, runtime, text, note=note or "", status=422)
    kept = await draft(runtime.database, written.model, note, runtime.clock(), text=text, author=viewer.name)
    return RedirectResponse(f"{kept.number}", HTTPStatus.SEE_OTHER)


@router.post("/previews")
async def start_preview(
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    _: AdminViewer,
    text: Text = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Preview the text without storing it. With faults, the editor again."""
    try:
        model = await asyncio.to_thread(read_model, text)
    except InvalidModel:
        return await _editor(frame, runtime, text, note=note, status=422)
    job = await create_preview(runtime, PreviewJobRequest(model=dump_model(model)))
    return RedirectResponse(f"previews/{job.id}", HTTPStatus.SEE_OTHER)


@router.get("/previews/{job_id}")
async def show_preview_job(frame: CurrentFrame, runtime: CurrentRuntime, job_id: UUID, moved: Move = None) -> Response:
    """The preview of a text that is not stored, or its progress as long as it runs."""
    job = await get_job(runtime, job_id)
    if job.kind != "preview":
        raise NotFound(f"Job {job_id} is not a preview.")
    path = f"model/previews/{job_id}"
    if job.state != "done":
        return frame.render_job(job, "preview_job.html", "model", path=path)
    preview = PreviewDocument.model_validate(job.result)
    look = await _look_at(runtime, preview, frame, job.request["model"], moved)
    return frame.render_job(job, "preview.html", "model", version=None, look=look, path=path)


async def _editor(
    frame: Frame, runtime: Runtime, text: str, *, note: str = "", base: str | None = None, status: int = 200
) -> Response:
    """`base`: where the text comes from; None if it was only written here, and no page has it again."""
    check = await _check(runtime, text)
    return frame.render("model_edit.html", "model", status, text=text, check=check, note=note, base=base)


async def _check(runtime: Runtime, text: str) -> CheckDocument:
    """What `POST /v1/models/check` answers."""
    active = await get_version(runtime.database, None)
    found = await asyncio.to_thread(lambda: check_source(text, active.load()))
    return CheckDocument.of(found, active.number)


async def _text_of(runtime: Runtime, version: int | None) -> str:
    found = await get_version(runtime.database, version)
    return await asyncio.to_thread(found.as_yaml)


async def _proposed(runtime: Runtime, job_id: UUID) -> str:
    job = await get_job(runtime, job_id)
    if job.kind != "proposal" or job.state != "done":
        raise NotFound(f"Job {job_id} has no proposal.")
    document = ProposalDocument.model_validate(job.result).document
    return await asyncio.to_thread(lambda: dump_yaml(read_model(document)))


@router.get("/schema")
async def show_schema(_: CurrentViewer) -> dict[str, Any]:
    """For the editor's completion."""
    return await get_model_schema()


# --- One version ---------------------------------------------------------------------------------------------------


@router.get("/rollouts/{rollout_id}")
async def show_rollout(request: Request, frame: CurrentFrame, runtime: CurrentRuntime, rollout_id: Number) -> Response:
    """The progress of a rollout, which the page asks for again every two seconds until it ends."""
    rollout = await get_rollout(runtime, rollout_id)
    return frame.render(part_or_page(request, "rollout"), "model", rollout=rollout)


@router.get("/{version}")
async def show_model(frame: CurrentFrame, runtime: CurrentRuntime, version: Number) -> Response:
    found = await get_version(runtime.database, version)
    report = await asyncio.to_thread(lambda: check_model(found.load(), found.text))
    return frame.render(
        "model.html",
        "model",
        version=ModelDocument.of_checked(found, report),
        text=await asyncio.to_thread(found.as_yaml),
        differences=await _differences(runtime, found, frame),
    )


async def _differences(runtime: Runtime, found: Version, frame: Frame) -> list[DifferenceDocument]:
    if found.number == frame.model_version:
        return []
    return (await compare_models(runtime, found.number, frame.model_version)).differences


@router.get("/{version}/preview")
async def show_preview(
    request: Request, frame: CurrentFrame, runtime: CurrentRuntime, _: AdminViewer, version: Number, moved: Move = None
) -> Response:
    """What publishing would change. It takes seconds, so that pages load it later."""
    preview = await preview_model(runtime, version, PreviewRequest(sample=FAST_SAMPLE))
    after = await get_version(runtime.database, version)
    look = await _look_at(runtime, preview, frame, after.document, moved)
    template, path = part_or_page(request, "preview"), f"model/{version}/preview"
    return frame.render(template, "model", version=version, look=look, path=path)


async def _look_at(
    runtime: Runtime, preview: PreviewDocument, frame: Frame, after: Mapping[str, Any], moved: str | None
) -> PreviewLook:
    move = move_named(preview, moved)
    people = await people_of(runtime, shown_leads(preview, move))
    return look_at(preview, frame.model, after, move, people)


@router.post("/{version}/publish")
async def publish_version(
    runtime: CurrentRuntime,
    viewer: AdminViewer,
    version: Number,
    compared_with: Annotated[Number, Form()],
    notify: Annotated[Literal["all", "none"], Form()] = "none",
) -> Response:
    """Raises `ModelChanged` if another version became active since the page was shown."""
    rollout = await publish(
        runtime.database,
        version,
        runtime.clock,
        notify=notify == "all",
        author=viewer.name,
        compared_with=compared_with,
    )
    return RedirectResponse(f"../rollouts/{rollout.id}", HTTPStatus.SEE_OTHER)
