"""The URLs of webhooks: public ones with TLS, or those of hosts that the operator trusts."""

from collections.abc import Collection
from urllib.parse import urlsplit

import anyio

from app.errors import UnsafeUrl
from app.webhooks.sending import Resolve, UnsafeAddress, checked_addresses, resolve

DEFAULT_PORT = 443
RESOLVE_TIMEOUT_S = 5
SETTING = "LEADSCORE_WEBHOOK_HOSTS can allow its host"


async def check_url(url: str, trusted_hosts: Collection[str], find: Resolve = resolve) -> None:
    """Raises `UnsafeUrl` if webhooks must not be sent there, as far as it can be seen now.

    A name that can't be resolved, or not in time, is let through: every attempt checks its addresses anyway.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise UnsafeUrl("The URL must not contain a user name or a password: receivers verify the signature instead.")
    if parts.fragment:
        raise UnsafeUrl("The URL must not have a fragment (#…), which is never sent.")
    if host in trusted_hosts:
        return
    if parts.scheme != "https":
        raise UnsafeUrl(f"The URL must begin with https://, unless its host is trusted: {SETTING}.")
    try:
        with anyio.fail_after(RESOLVE_TIMEOUT_S):
            await checked_addresses(host, parts.port or DEFAULT_PORT, find)
    except UnsafeAddress:
        raise UnsafeUrl(f"The URL leads to an address that is not public; {SETTING}.") from None
    except (OSError, UnicodeError):
        return
