"""What surrounds every page: the sections, who is looking, which model is active, and whether all is well."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from app.api.access import runtime_of
from app.documents.jobs import JobDocument
from app.screen.health import HealthLook
from app.screen.pages import PART_HEADER, render
from app.screen.stages import Ladder
from app.screen.viewers import CurrentViewer, Viewer
from app.services.models import get_version


@dataclass(frozen=True, slots=True)
class Section:
    """`path` is below `/ui/`, `key` the letter that follows `g`, `short` its name where space is short."""

    path: str
    title: str
    short: str
    icon: str
    key: str


SECTIONS = (
    Section("leads", "Leads", "Leads", "users", "l"),
    Section("funnel", "Funnel", "Funnel", "funnel", "f"),
    Section("model", "Model", "Model", "git-branch", "m"),
    Section("insight", "Insight", "Insight", "lightbulb", "i"),
    Section("ops", "Operations", "Ops", "activity", "o"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """`model` is the document of the active version."""

    request: Request
    viewer: Viewer
    model_version: int
    model: dict[str, Any]
    stages: Ladder
    health: HealthLook
    now: datetime

    @property
    def sections(self) -> tuple[Section, ...]:
        return SECTIONS

    def render(self, template: str, section: str, status: int = 200, /, **context: Any) -> HTMLResponse:
        """A page of a section, or a part of one."""
        return render(self.request, template, status, frame=self, section=section, **context)

    def render_job(self, job: JobDocument, template: str, section: str, /, **context: Any) -> HTMLResponse:
        """The page of a job. While it runs, htmx gets the progress alone; once it has ended, htmx reloads the page."""
        is_part = PART_HEADER in self.request.headers
        if is_part and job.is_open:
            return self.render("job_progress.html", section, job=job, **context)
        page = self.render(template, section, job=job, **context)
        if is_part:
            page.headers["HX-Refresh"] = "true"
        return page


async def frame_of(request: Request, viewer: CurrentViewer) -> Frame:
    runtime = runtime_of(request)
    active = await get_version(runtime.database, None)
    health = HealthLook.of(await runtime.health.read())
    stages = Ladder.of(active.document["stages"])
    return Frame(request, viewer, active.number, active.document, stages, health, runtime.clock())


CurrentFrame = Annotated[Frame, Depends(frame_of)]
