"""Where a browser reaches us, as the proxies in between tell: they may end TLS, rename the host and strip a prefix.

Nothing proves what these headers say. So the answer is good for one use: to tell the asking browser where to send to,
with `Cache-Control: no-store`, so that nobody else is told the same.
"""

import re

from fastapi import Request
from starlette.datastructures import Headers

TELL_THE_PROTOCOL = (
    *("X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Scheme", "X-Url-Scheme"),
    *("CloudFront-Forwarded-Proto", "CF-Visitor", "X-Forwarded-Ssl", "Front-End-Https", "X-Forwarded-Port"),
)
_SECURE = re.compile(r"\W*(?:scheme\W+)?(?:https|wss|on|1|443)\W*", re.ASCII | re.IGNORECASE)
_DEFAULT_PORT = re.compile(r":(?:80|443)$")
_FORWARDED = re.compile(r"""\b(proto|host)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))""", re.IGNORECASE)
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"(?:/[\w.~%+-]+)+", re.ASCII)


def public_protocol(request: Request) -> str:
    """`https` if any of the headers says so of the first hop, the browser's: a proxy knows only its own neighbour."""
    told = [_forwarded(request, "proto"), *(_first(request.headers, name) for name in TELL_THE_PROTOCOL)]
    return "https" if any(map(_SECURE.fullmatch, told)) else request.scope["scheme"]


def public_host(request: Request) -> str:
    """The host, with its port, that the browser asked. A proxy that ends TLS may name its own port, 80."""
    told = (_forwarded(request, "host"), _first(request.headers, "X-Forwarded-Host"))
    host = next((host for host in told if _HOST.fullmatch(host)), request.base_url.netloc)
    return _DEFAULT_PORT.sub("", host) if public_protocol(request) == "https" else host.removesuffix(":80")


def public_prefix(request: Request) -> str:
    """The path that proxies have stripped, such as `/leads`: each appends its own part."""
    parts = ["/" + part.strip("/") for part in _values(request.headers, "X-Forwarded-Prefix") if part.strip("/")]
    prefix = "".join(parts)
    return prefix if _PREFIX.fullmatch(prefix) else ""


def _first(headers: Headers, name: str) -> str:
    return next(iter(_values(headers, name)), "")


def _values(headers: Headers, name: str) -> list[str]:
    """Each hop's, over all lines and commas: a proxy appends its own."""
    values = (part.strip().strip('"') for line in headers.getlist(name) for part in line.split(","))
    return [value for value in values if value]


def _forwarded(request: Request, name: str) -> str:
    """The first hop that tells it, of RFC 7239's header."""
    found = _FORWARDED.findall(",".join(request.headers.getlist("Forwarded")))
    return next((quoted or plain for told, quoted, plain in found if told.lower() == name), "")
