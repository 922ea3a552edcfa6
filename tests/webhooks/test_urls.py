"""Which URLs a webhook may have."""

import asyncio
from collections.abc import Collection

import pytest

from app.errors import UnsafeUrl
from app.webhooks.urls import check_url
from tests.webhooks.test_addresses import DENIED
from tests.webhooks.test_sending import PUBLIC, resolving_to

ANYWHERE = resolving_to([PUBLIC])


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://user:pass@hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com/#fragment",
        "ftp://hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]:8443/",
        *(f"https://[{address}]/" for address in DENIED if ":" in address and "%" not in address),
    ],
)
async def test_an_unsafe_url_is_refused(url: str) -> None:
    with pytest.raises(UnsafeUrl):
        await check_url(url, []) if "[" in url or "127" in url else await check_url(url, [], ANYWHERE)


@pytest.mark.parametrize("addresses", [["10.0.0.1"], [PUBLIC, "169.254.169.254"]])
async def test_a_name_that_leads_into_a_network_is_refused(addresses: list[str]) -> None:
    with pytest.raises(UnsafeUrl, match="not public"):
        await check_url("https://hooks.example.com/", [], resolving_to(addresses))


async def test_a_trusted_host_may_be_private_and_without_tls() -> None:
    await check_url("http://crm.internal:8080/hook", ["crm.internal"], resolving_to(["10.0.0.1"]))
    with pytest.raises(UnsafeUrl, match="password"):
        await check_url("http://user:pass@crm.internal/", ["crm.internal"])


async def test_a_silent_dns_server_does_not_keep_the_user_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def find(_host: str, _port: int) -> Collection[str]:
        never: asyncio.Future[Collection[str]] = asyncio.get_running_loop().create_future()
        return await never

    monkeypatch.setattr("app.webhooks.urls.RESOLVE_TIMEOUT_S", 0.01)
    await check_url("https://hooks.example.com/", [], find)


async def test_a_public_host_is_fine_and_an_unknown_one_is_left_to_the_attempts() -> None:
    await check_url("https://hooks.example.com/a?b=c", [], ANYWHERE)
    await check_url("https://nowhere.invalid/", [])
