"""A browser without a screen: it keeps cookies, says where its requests come from, and reads pages."""

from html.parser import HTMLParser
from typing import Any, Self

from httpx import ASGITransport, AsyncClient, Response

from app.storage.keys import KeyKind
from tests.api.harness import Api

ORIGIN = "http://leadscore.test"


class Browser:
    """One browser on an application. `peer`: the address that its requests come from."""

    def __init__(self, api: Api, peer: str = "127.0.0.1", origin: str = ORIGIN) -> None:
        self.api = api
        self.origin = origin
        transport = ASGITransport(api.app, client=(peer, 50_000))
        self.client = AsyncClient(transport=transport, base_url=origin)

    async def get(self, path: str, **headers: str) -> Response:
        return await self.client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    async def post(self, path: str, **fields: str) -> Response:
        """As a form on a page of the same origin does."""
        return await self.client.post(path, data=fields, headers={"Origin": self.origin})

    async def sign_in(self, kind: KeyKind, **fields: str) -> Response:
        return await self.post("/ui/sign-in", key=self.api.keys[kind], **fields)

    @classmethod
    async def signed_in(cls, api: Api, kind: KeyKind) -> Self:
        browser = cls(api)
        await browser.sign_in(kind)
        return browser

    async def page(self, path: str) -> str:
        """A page that has to be there."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every opening tag of a page with its attributes."""
    reader = _Tags()
    reader.feed(page)
    return reader.found


def values(page: str, attribute: str) -> list[Any]:
    return [attributes[attribute] for _, attributes in tags(page) if attribute in attributes]
