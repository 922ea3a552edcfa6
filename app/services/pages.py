"""Pages of lists."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.services.failures import readable
from app.storage.queries import UnreadableRow

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Part of a list. The next page starts after the item `last`; it is None on the last page."""

    items: Sequence[Item]
    last: Item | None


async def fetch_page(fetch: Callable[[int], Awaitable[Sequence[Item | UnreadableRow]]], limit: int) -> Page[Item]:
    """Fetch one item more than the page holds, to find out whether another page follows.

    Rows that can't be read are left out, and logged. More rows are then fetched instead, as no page can end at them:
    the unreadable value may be what the list is sorted by.
    """
    count = limit + 1
    while True:
        found = await fetch(count)
        if len(found) < count or sum(not isinstance(each, UnreadableRow) for each in found) > limit:
            break
        count *= 2
    items = readable(found)
    return Page(items[:limit], items[limit - 1] if len(items) > limit else None)
