"""All that pages link to, from the first page on: nothing is missing, and nothing fails."""

import asyncio
import re
from collections import Counter
from urllib.parse import urljoin, urlsplit

from app.workers.accounts import count_accounts
from tests.api.harness import Api
from tests.screen.harness import Browser, tags

OF_A_KIND = 3
"""So many pages at most that differ only in ids and in the values of their parameters."""


def kind_of(path: str) -> str:
    """A path without ids and numbers, and the names of its parameters."""
    parts = urlsplit(path)
    names = sorted({pair.partition("=")[0] for pair in parts.query.split("&")})
    return f"{re.sub(r'[0-9a-f-]{36}|[0-9]+', '…', parts.path)}?{'&'.join(names)}"


def links_of(path: str, text: str) -> list[tuple[str, dict[str, str]]]:
    """The pages and the parts that a page refers to, with the headers with which a browser asks for them."""
    found: list[tuple[str, dict[str, str]]] = []
    for _, attributes in tags(text):
        if link := attributes.get("href") or attributes.get("data-why"):
            found.append((urljoin(path, link), {}))
        if part := attributes.get("hx-get"):
            found.append((urljoin(path, part), {"HX_Request": "true", "HX_Current_URL": path}))
    return [(link.partition("#")[0], headers) for link, headers in found if urlsplit(link).path.startswith("/ui/")]


async def test_every_page_that_is_linked_from_another_answers(demo: Api) -> None:
    await count_accounts(demo.runtime, asyncio.Event())
    browser = await Browser.signed_in(demo, "admin")
    waiting: list[tuple[str, dict[str, str]]] = [("/ui/leads", {})]
    seen, kinds, lost = set[str](), Counter[str](), dict[str, int]()
    while waiting:
        path, headers = waiting.pop(0)
        kinds[kind_of(path)] += path not in seen
        if path in seen or kinds[kind_of(path)] > OF_A_KIND:
            continue
        seen.add(path)
        answer = await browser.get(path, **headers)
        if answer.status_code >= 400 and "Not known yet" not in answer.text:
            lost[path] = answer.status_code
        if "text/html" in answer.headers["content-type"]:
            # A part's links count from the page that holds it.
            waiting += links_of(headers.get("HX_Current_URL", path), answer.text)
    assert lost == {}
    assert len(seen) > 100
