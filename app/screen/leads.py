"""The list of leads: the question of `GET /v1/leads`, whose parameters a page's URL has, as a table."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from app.api.leads import list_leads
from app.documents.leads import LeadPage
from app.screen.frames import CurrentFrame
from app.screen.labels import score_looks
from app.screen.pages import render
from app.screen.people import person_of
from app.screen.routes import ScreenRoute

router = APIRouter(prefix="/leads", route_class=ScreenRoute)


@router.get("")
async def show_leads(request: Request, frame: CurrentFrame, page: Annotated[LeadPage, Depends(list_leads)]) -> Response:
    return render(
        request,
        "leads.html",
        frame=frame,
        section="leads",
        scores=score_looks(frame.model),
        leads=[(lead, person_of(lead)) for lead in page.data],
        question=f"/v1/leads?{request.url.query}".removesuffix("?"),
    )
