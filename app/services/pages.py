"""Pages of lists."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Part of a list. The next page starts after the item `last`; it is None on the last page."""

    items: Sequence[Item]
    last: Item | None


async def fetch_page(fetch: Callable[[int], Awaitable[Sequence[Item]]], limit: int) -> Page[Item]:
    """Fetch one item more than the page holds, to find out whether another page follows."""
    items = await fetch(limit + 1)
    return Page(items[:limit], items[limit - 1] if len(items) > limit else None)
