"""Origins of web pages, written as browsers write them in the `Origin` header, so that they can be compared as text.

Browsers repair URLs that Python's parser reads otherwise (backslashes, line breaks, `%2E` in a host). Such a URL has no
origin here: whoever checks an origin and then passes the URL on must not be fooled about where it leads.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

import idna

_DEFAULT_PORTS = {"http": 80, "https": 443}
_EXAMPLE = "such as https://www.example.com"
_SUBDOMAINS = re.compile(r"(https?://)\*\.(?=.*[a-z])", re.IGNORECASE)  # not of an IP address, which has none
_BRACKETED = re.compile(r"\[[0-9a-f:.]+\](?::\d*)?", re.IGNORECASE)
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
    if _BRACKETED.fullmatch(parts.netloc):
        return f"[{IPv6Address(host).compressed}]"
    name = (host if host.isascii() else idna.encode(host, uts46=True).decode()).removesuffix(".")
    if not _HOST.fullmatch(name):
        raise ValueError
    return name


def read_allowed(entry: str) -> str:
    """An entry of an allow-list, as `is_allowed` compares it: an origin, or `https://*.example.com` for all subdomains.

    Raises ValueError, which says why, for what no browser would ever send.
    """
    wildcard = _SUBDOMAINS.match(entry)
    url = wildcard[1] + entry[wildcard.end() :] if wildcard else entry
    origin = origin_of(url)
    if origin is None:
        msg = f"must be an origin, {_EXAMPLE}"
        raise ValueError(msg)
    parts = urlsplit(url)
    if parts.path not in ("", "/") or "?" in url or "#" in url:
        msg = f"must be an origin without a path, {_EXAMPLE}"
        raise ValueError(msg)
    return origin.replace("://", "://*.") if wildcard else origin


def is_allowed(url: str, allowed: Iterable[str]) -> bool:
    """Whether the origin of a URL, or of an `Origin` header, is on an allow-list: itself, or by a wildcard."""
    origin = origin_of(url)
    if origin is None:
        return False
    scheme, _, host = origin.partition("://")
    labels = host.split(".")
    wildcards = {f"{scheme}://*.{'.'.join(labels[count:])}" for count in range(1, len(labels))}
    return not _as_compared(tuple(allowed)).isdisjoint({origin, *wildcards})


@lru_cache(maxsize=1024)
def _as_compared(allowed: tuple[str, ...]) -> frozenset[str]:
    """Keys may have been stored before `read_allowed` was there: what it would refuse is left out."""
    return frozenset(origin for entry in allowed if (origin := _read_or_none(entry)))


def _read_or_none(entry: str) -> str | None:
    try:
        return read_allowed(entry)
    except ValueError:
        return None
