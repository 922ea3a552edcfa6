"""Origins of web pages, written as browsers write them in the `Origin` header, so that they can be compared as text.

Browsers repair URLs that Python's parser reads otherwise (backslashes, line breaks, `%2E` in a host). Such a URL has no
origin here: whoever checks an origin and then passes the URL on must not be fooled about where it leads.
"""

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

import idna

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


def origin_of(url: str) -> str | None:
    """The origin of an http or https URL: in lower case, international names in Punycode, no default port.

    None for anything else, and for a URL that names a user. A dot that ends the host is dropped: it is the same host.
    """
    if not url.isprintable() or url != url.strip() or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        default_port = _DEFAULT_PORTS.get(parts.scheme)
        if default_port is None or "@" in parts.netloc:
            return None
        host, port = _read_host(parts), parts.port
    except ValueError:  # a port that is no number, a broken IPv6 address, a name that can't be registered
        return None
    return f"{parts.scheme}://{host}" + ("" if port in (None, default_port) else f":{port}")


def _read_host(parts: SplitResult) -> str:
    """Raises ValueError where there is no usable host."""
    host = parts.hostname or ""
    if ":" in host and "%" not in host:
        return f"[{IPv6Address(host).compressed}]"
    name = (host if host.isascii() else idna.encode(host, uts46=True).decode()).removesuffix(".")
    if not _HOST.fullmatch(name):
        raise ValueError
    return name
