"""What the routes of reports share: their period, and CSV for clients that ask for it."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from fastapi import Header, Query
from fastapi.responses import Response

from app.api.problems import Responses
from app.documents.parameters import Day
from app.documents.tables import as_csv

CSV = "text/csv"
CSV_TOO: Responses = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}

First = Annotated[Day | None, Query(alias="from", description="The first day in UTC. Default: 83 days before `to`.")]
Last = Annotated[Day | None, Query(alias="to", description="The last day in UTC. Default: today.")]
Accept = Annotated[str, Header(include_in_schema=False)]


def csv_if_accepted(accept: str, rows: Iterable[Mapping[str, Any]]) -> Response | None:
    """The rows as CSV if the client accepts that, else None."""
    return Response(as_csv(rows), media_type=CSV) if CSV in accept else None
