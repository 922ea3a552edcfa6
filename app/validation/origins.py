"""Origins of web pages, in the form of the browsers' `Origin` header, so that they can be compared as text.

Browsers and Python's parser disagree about some malformed URLs (backslashes, line breaks, `%2E` in a host). Such a URL
has no origin here; otherwise, a redirect that was checked could still lead a browser to another host.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

import idna

_DEFAULT_PORTS = {"http": 80, "https": 443}
_EXAMPLE = "such as https://www.example.com"
_SUBDOMAINS = re.compile(
    r"(https?://)\*\.(?=.*[a-z])", re.IGNORECASE
)  # not before an IP address, which has no subdomains
_BRACKETED = re.compile(r"\[[0-9a-f:.]+\](?::\d*)?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


def origin_of(url: str) -> str | None:
    """The origin of an http or https URL: in lower case, with international names in Punycode, without a default port.

    None for any other URL, and for one with a user name. A dot at the end of the host is dropped, as the host is the
    same without it.
    """
    if not url.isprintable() or url != url.strip() or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        default_port = _DEFAULT_PORTS.get(parts.scheme)
        if default_port is None or "@" in parts.netloc:
            return None
        host, port = _read_host(parts), parts.port
    except ValueError:  # an invalid port, IPv6 address or host name
        return None
    return f"{parts.scheme}://{host}" + ("" if port in (None, default_port) else f":{port}")


def _read_host(parts: SplitResult) -> str:
    """The host in ASCII. Raises ValueError if there is none, or if it is invalid."""
    host = parts.hostname or ""
    if _BRACKETED.fullmatch(parts.netloc):
        return f"[{IPv6Address(host).compressed}]"
    name = (host if host.isascii() else idna.encode(host, uts46=True).decode()).removesuffix(".")
    if not _HOST.fullmatch(name):
        raise ValueError
    return name


def read_allowed(entry: str) -> str:
    """An entry of an allow-list in `is_allowed`'s form: an origin, or `https://*.example.com` for all subdomains.

    Raises ValueError, with a message for the user, if the entry is not an origin.
    """
    wildcard = _SUBDOMAINS.match(entry)
    url = wildcard[1] + entry[wildcard.end() :] if wildcard else entry
    origin = origin_of(url)
    if origin is None:
        raise ValueError(f"must be an origin, {_EXAMPLE}")
    parts = urlsplit(url)
    if parts.path not in ("", "/") or "?" in url or "#" in url:
        raise ValueError(f"must be an origin without a path, {_EXAMPLE}")
    return origin.replace("://", "://*.") if wildcard else origin


def is_allowed(url: str, allowed: Iterable[str]) -> bool:
    """Whether the origin of a URL or `Origin` header is on an allow-list, directly or by a wildcard."""
    origin = origin_of(url)
    if origin is None:
        return False
    scheme, _, host = origin.partition("://")
    labels = host.split(".")
    wildcards = {f"{scheme}://*.{'.'.join(labels[count:])}" for count in range(1, len(labels))}
    return not _valid_entries(tuple(allowed)).isdisjoint({origin, *wildcards})


@lru_cache(maxsize=1024)
def _valid_entries(allowed: tuple[str, ...]) -> frozenset[str]:
    """The entries in their comparable form. Keys stored by old versions may have invalid ones, which are ignored."""
    return frozenset(origin for entry in allowed if (origin := _read_or_none(entry)))


def _read_or_none(entry: str) -> str | None:
    try:
        return read_allowed(entry)
    except ValueError:
        return None
