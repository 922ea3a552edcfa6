"""Posting a form, as the tests of forms do it."""

from typing import Any

from httpx import Response

from tests.api.harness import Api

FORM = "/v1/forms/contact"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ADA = {"email": "ada@example.com", "name": "Ada"}


async def submit(api: Api, fields: Any = None, *, path: str = FORM, **headers: str) -> Response:
    """As a page without scripts does: urlencoded, the key among the fields."""
    told = {"writeKey": api.keys["write"]} | (ADA if fields is None else fields)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.client.post(path, data=told, headers=named)


async def only_event(api: Api, email: str = "ada@example.com") -> Any:
    [event] = await api.events(email=email)
    return event
