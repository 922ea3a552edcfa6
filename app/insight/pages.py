"""Pages: how many people were on each of them, and how many of these became leads."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.insight.proportions import Proportion, proportion
from app.scoring.events import Event


@dataclass(frozen=True, slots=True)
class Page:
    """A path, None for events that name none. `leads`: the people who ever got beyond the first stage."""

    path: str | None
    hits: int
    people: int
    leads: int
    of_people: Proportion


class PageCounts:
    """Hits and distinct people by the path of the page."""

    def __init__(self) -> None:
        self._hits = Counter[str | None]()
        self._people: dict[str | None, set[UUID]] = {}
        self._progressed: set[UUID] = set()

    def add(self, event: Event, lead_id: UUID, *, has_progressed: bool) -> None:
        path = path_of(event)
        self._hits[path] += 1
        self._people.setdefault(path, set()).add(lead_id)
        if has_progressed:
            self._progressed.add(lead_id)

    def pages(self) -> list[Page]:
        """Those with most leads first, then those with most people."""
        found = [self._page(path, people) for path, people in self._people.items()]
        return sorted(found, key=lambda page: (-page.leads, -page.people, page.path or ""))

    def _page(self, path: str | None, people: set[UUID]) -> Page:
        leads = len(people & self._progressed)
        return Page(path, self._hits[path], len(people), leads, proportion(leads, len(people)))


def path_of(event: Event) -> str | None:
    """The path of the page that an event happened on: in its context or, for a page call, in its properties."""
    page: Any = event.context.get("page")
    path = page.get("path") if isinstance(page, Mapping) else None
    path = path or (event.properties.get("path") if event.type == "page" else None)
    return path if isinstance(path, str) and path else None
