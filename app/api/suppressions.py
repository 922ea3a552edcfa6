"""Suppressions over HTTP: keeping people out, who is kept out, and letting somebody in again."""

from typing import Annotated

from pydantic import Field

from app.api.access import Admin, CurrentRuntime
from app.api.cursors import read_cursor, whole_number, write_cursor
from app.api.identities import AskedIdentity
from app.api.parameters import Cursor, Limit
from app.api.routes import strict_router
from app.documents.identities import read_all
from app.documents.suppressions import SuppressionDocument, SuppressionPage, SuppressionRequest
from app.validation.numbers import AsWholeNumber

QUERY = "suppressions"
MAX_ID = 2**63 - 1

router = strict_router("/v1/suppressions", "suppressions", Admin)


@router.post("", status_code=201)
async def suppress_identities(runtime: CurrentRuntime, wanted: SuppressionRequest) -> SuppressionPage:
    """Drop events of people who need not be known. It erases nothing."""
    identities, secret_id = read_all(wanted.identities, runtime.settings.phone_region), runtime.suppressions.secret_id
    made = await runtime.suppressions.suppress(identities, runtime.clock())
    return SuppressionPage(data=[SuppressionDocument.of(each, secret_id) for each in made], next_cursor=None)


@router.get("")
async def list_suppressions(runtime: CurrentRuntime, limit: Limit = 50, cursor: Cursor = None) -> SuppressionPage:
    """The latest first, one for each identity."""
    (after,) = read_cursor(QUERY, cursor, whole_number(1, MAX_ID)) if cursor else (None,)
    page, secret_id = await runtime.suppressions.page(after, limit), runtime.suppressions.secret_id
    more = write_cursor(QUERY, [page.last.id]) if page.last else None
    return SuppressionPage(data=[SuppressionDocument.of(each, secret_id) for each in page.items], next_cursor=more)


@router.delete("/lookup", status_code=204)
async def remove_suppression_by_identity(runtime: CurrentRuntime, wanted: AskedIdentity) -> None:
    """Accept events with this identity again."""
    await runtime.suppressions.remove_by_identity(wanted.read(runtime.settings.phone_region))


@router.delete("/{suppression_id}", status_code=204)
async def remove_suppression(
    runtime: CurrentRuntime, suppression_id: Annotated[int, Field(ge=1, le=MAX_ID), AsWholeNumber]
) -> None:
    """Accept events with an identity again, by the id from the list."""
    await runtime.suppressions.remove(suppression_id)
