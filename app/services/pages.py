"""Pages of lists."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Part of a list. `last` is the item after which the next page begins, None on the last page."""

    items: Sequence[Item]
    last: Item | None


async def fetch_page(fetch: Callable[[int], Awaitable[Sequence[Item]]], limit: int) -> Page[Item]:
    """Fetch one item more than the page holds, to know whether another page follows."""
    found = await fetch(limit + 1)
    return Page(found[:limit], found[limit - 1] if len(found) > limit else None)
