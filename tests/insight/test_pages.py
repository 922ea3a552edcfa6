"""Pages: which one an event happened on, and what is counted of it."""

from typing import Any
from uuid import UUID

import pytest

from app.insight.pages import PageCounts, path_of
from tests.services.harness import event

ADA, BOB, CY = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"context": {"page": {"path": "/a"}}, "properties": {"path": "/b"}, "type": "page"}, "/a"),
        ({"properties": {"path": "/b"}, "type": "page"}, "/b"),
        ({"properties": {"path": "C:\\b"}}, None),
        ({"context": {"page": "/a"}}, None),
        ({"context": {"page": {"path": 1}}}, None),
        ({"context": {"page": {"path": ""}}}, None),
    ],
    ids=["context first", "a page call's own", "another event's", "no object", "no text", "empty"],
)
def test_the_path_is_that_of_the_page(fields: dict[str, Any], path: str | None) -> None:
    assert path_of(event("a1", **fields)) == path


def test_people_and_leads_are_distinct_and_pages_that_bring_leads_come_first() -> None:
    counts = PageCounts()
    for path, lead_id in (("/blog", ADA), ("/blog", ADA), ("/blog", BOB), ("/pricing", CY), (None, ADA)):
        page = {"page": {"path": path}}
        counts.add(event("a1", context=page), lead_id, has_progressed=lead_id == CY)
    found = [(page.path, page.hits, page.people, page.leads, page.of_people.rate) for page in counts.pages()]
    assert found == [("/pricing", 1, 1, 1, 1.0), ("/blog", 3, 2, 0, 0.0), (None, 1, 1, 0, 0.0)]
