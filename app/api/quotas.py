"""Quotas over HTTP: what a request costs, and who pays."""

from fastapi import Request

from app.api.client_addresses import client_address
from app.services.keys import Key
from app.services.runtime import Runtime


async def charge(runtime: Runtime, request: Request, key: Key, cost: int = 1) -> None:
    """Raises `QuotaExceeded` if the key, or the address that uses a public key, has sent too much."""
    if runtime.quotas is not None:
        address = client_address(request, runtime.settings.trusted_proxies)
        await runtime.quotas.charge(key, address, max(cost, 1), runtime.clock().timestamp())
