"""The page at /docs: it needs no server but ours."""

import re

from tests.api.harness import Api

ADDRESS = re.compile(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""")


async def test_the_page_loads_only_our_files_by_relative_urls(web: Api) -> None:
    page = await web.client.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    addresses = [script or data for script, data in ADDRESS.findall(page.text)]
    assert len(addresses) == 4
    for address in addresses:
        assert not address.startswith(("/", "http"))
        found = await web.client.get(f"/{address}")
        assert found.status_code == 200
        assert found.content
    assert "https://" not in page.text


async def test_only_the_pages_files_are_served(web: Api) -> None:
    for path in ("/docs/", "/docs/redoc.standalone.js", "/docs/%2e%2e", "/docs/%2e%2e%2fcore.py", "/redoc"):
        assert (await web.client.get(path)).status_code in {404, 422}
