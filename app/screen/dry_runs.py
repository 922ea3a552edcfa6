"""Trying a model that isn't published on one person: its stage and points beside those of the active model."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from pydantic import Field

from app.api.access import CurrentRuntime
from app.api.dry_runs import DryRunRequest, evaluate_messages
from app.api.leads import get_lead, get_lead_score, look_up_lead
from app.documents.identities import WantedIdentity
from app.documents.leads import EvaluationDocument, ExplainedScore, LeadDocument, LedgerLine
from app.errors import NotFound
from app.scoring.model import dump_model
from app.screen.frames import CurrentFrame, Frame
from app.screen.labels import score_looks
from app.screen.models import Number, Text
from app.screen.pages import part_or_page
from app.screen.people import person_of
from app.screen.routes import ScreenRoute
from app.screen.stages import Ladder
from app.services.models import get_version, read_model
from app.services.runtime import Runtime

Person = Annotated[str, Field(min_length=1, max_length=200)]

router = APIRouter(prefix="/model", route_class=ScreenRoute)


@router.get("/{version}/try")
async def try_version(
    request: Request,
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    version: Number,
    person: Annotated[Person, Query()],
) -> Response:
    """A stored version on the lead with this identity or id."""
    lead = await find_lead(runtime, person)
    after = await get_lead_score(runtime, lead.id, model=version)
    document = (await get_version(runtime.database, version)).document
    return await _comparison(request, frame, runtime, lead, after, document, version=version)


@router.post("/try")
async def try_text(
    request: Request,
    frame: CurrentFrame,
    runtime: CurrentRuntime,
    person: Annotated[Person, Form()],
    text: Text = "",
) -> Response:
    """A text that is not stored. Raises `InvalidModel`."""
    document = dump_model(await asyncio.to_thread(read_model, text))
    lead = await find_lead(runtime, person)
    after = await evaluate_messages(runtime, DryRunRequest(model=document, lead_id=lead.id))
    return await _comparison(request, frame, runtime, lead, after, document, version=None)


async def find_lead(runtime: Runtime, person: str) -> LeadDocument:
    """By e-mail address, user id, anonymous id or the lead's own id. Raises `NotFound`."""
    text = person.strip()
    for kind in ("email",) if "@" in text else ("user_id", "anonymous_id"):
        with suppress(NotFound):
            return await look_up_lead(runtime, WantedIdentity(**{kind: text}))
    with suppress(ValueError):
        return await get_lead(runtime, UUID(text))
    raise NotFound("No lead has this e-mail address, user id, anonymous id or id.")


@dataclass(frozen=True, slots=True)
class ComparedLine:
    """A line of a ledger by two models; None where a model has no such line."""

    title: str
    kind: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class ComparedScore:
    """A score by two models, with the lines of both; None where a model has no such score."""

    title: str
    before: float | None
    after: float | None
    lines: tuple[ComparedLine, ...]


def compare(before: EvaluationDocument, after: EvaluationDocument, titles: Mapping[str, str]) -> list[ComparedScore]:
    """The scores of either model, each with its lines in the order of the older one, and new lines last."""
    found = []
    for name in {**before.scores, **after.scores}:
        old, new = before.scores.get(name), after.scores.get(name)
        lines = _compared_lines(old.ledger if old else (), new.ledger if new else ())
        found.append(ComparedScore(titles[name], _value_of(old), _value_of(new), lines))
    return found


def _value_of(score: ExplainedScore | None) -> float | None:
    return None if score is None else score.value


def _compared_lines(before: Iterable[LedgerLine], after: Iterable[LedgerLine]) -> tuple[ComparedLine, ...]:
    old, new = ({(line.rule, line.kind): line for line in lines} for lines in (before, after))
    return tuple(
        ComparedLine(
            title=line.title,
            kind=line.kind,
            before=old[key].points if key in old else None,
            after=new[key].points if key in new else None,
        )
        for key, line in {**old, **new}.items()
    )


async def _comparison(
    request: Request,
    frame: Frame,
    runtime: Runtime,
    lead: LeadDocument,
    after: EvaluationDocument,
    document: dict[str, Any],
    *,
    version: int | None,
) -> Response:
    before = await get_lead_score(runtime, lead.id)
    titles = {look.name: look.title for model in (frame.model, document) for look in score_looks(model).values()}
    return frame.render(
        part_or_page(request, "dry_run"),
        "model",
        version=version,
        lead=lead,
        person=person_of(lead),
        before=frame.stages[before.stage],
        after=Ladder.of(document["stages"])[after.stage],
        scores=compare(before, after, titles),
    )
