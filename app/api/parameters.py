"""Query parameters of lists."""

from typing import Annotated

from fastapi import Query

from app.validation.numbers import AsWholeNumber

Limit = Annotated[int, Query(ge=1, le=200), AsWholeNumber]
Cursor = Annotated[str | None, Query(max_length=500)]
