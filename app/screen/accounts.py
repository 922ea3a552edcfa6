"""Accounts: the questions of `GET /v1/accounts` and `/v1/accounts/{account_id}`, the latter with its leads."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from app.api.access import CurrentRuntime
from app.api.accounts import get_account, list_accounts
from app.api.lead_lists import list_leads, read_filters
from app.documents.accounts import AccountDocument, AccountPage
from app.scoring.strings import trimmed
from app.screen.frames import CurrentFrame, Frame
from app.screen.labels import score_looks, shown_scores
from app.screen.links import path_with, with_parameters
from app.screen.people import person_of
from app.screen.routes import ScreenRoute
from app.screen.stages import StageLook

MAX_LEADS = 50

router = APIRouter(prefix="/accounts", route_class=ScreenRoute)


@router.get("")
async def show_accounts(
    request: Request, frame: CurrentFrame, page: Annotated[AccountPage, Depends(list_accounts)]
) -> Response:
    scores = shown_scores(score_looks(frame.model))
    return frame.render(
        "accounts.html",
        "leads",
        scores=scores,
        accounts=[(account, name_of(account)) for account in page.data],
        stages=_stage_links(request, frame),
        sort=request.query_params.get("sort", "leads"),
        sorts={name: with_parameters(request, sort=name, cursor=None) for name in ("leads", *scores)},
        q=request.query_params.get("q", ""),
        more=page.next_cursor and with_parameters(request, cursor=page.next_cursor),
        question=path_with("/v1/accounts", request),
    )


@router.get("/{account_id}")
async def show_account(runtime: CurrentRuntime, frame: CurrentFrame, account_id: UUID) -> Response:
    account = await get_account(runtime, account_id)
    leads = await list_leads(runtime, await read_filters(account=account_id), limit=MAX_LEADS)
    return frame.render(
        "account.html",
        "leads",
        scores=shown_scores(score_looks(frame.model)),
        account=account,
        name=name_of(account),
        leads=[(lead, person_of(lead)) for lead in leads.data],
        has_more=leads.next_cursor is not None,
        question=f"/v1/accounts/{account_id}",
    )


def name_of(account: AccountDocument) -> str:
    """The trait `name` of a group, else its id or the domain."""
    name = account.traits.get("name")
    return (trimmed(name) if isinstance(name, str) else "") or account.value


def _stage_links(request: Request, frame: Frame) -> list[tuple[StageLook, str, bool]]:
    chosen = request.query_params.getlist("stage")
    return [
        (look, with_parameters(request, stage=name, cursor=None), chosen == [name])
        for name, look in frame.stages.items()
    ]
