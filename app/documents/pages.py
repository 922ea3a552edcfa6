"""Pages: the document of every list, `{"data": […], "next_cursor": …}`."""

from typing import Generic, TypeVar

from pydantic import BaseModel

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Part of a list. `next_cursor` is null on the last page."""

    data: list[Item]
    next_cursor: str | None


class WholeList(BaseModel, Generic[Item]):
    """A short list, always complete on one page."""

    data: list[Item]
    next_cursor: None
