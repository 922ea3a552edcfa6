"""The public URL of the server, according to proxies, which may terminate TLS, rename the host and strip a prefix.

These headers can be forged. Use the result only to tell the requesting browser where to send its events, with
`Cache-Control: no-store`, so that nobody else gets the same answer.
"""

import re

from fastapi import Request
from starlette.datastructures import Headers

PROTOCOL_HEADERS = (
    *("X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Scheme", "X-Url-Scheme"),
    *("CloudFront-Forwarded-Proto", "CF-Visitor", "X-Forwarded-Ssl", "Front-End-Https", "X-Forwarded-Port"),
)
_SECURE = re.compile(r"\W*(?:scheme\W+)?(?:https|wss|on|1|443)\W*", re.ASCII | re.IGNORECASE)
_DEFAULT_PORT = re.compile(r":(?:80|443)$")
_FORWARDED = re.compile(r"""\b(proto|host)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))""", re.IGNORECASE)
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"(?:/[\w.~%+-]+)+", re.ASCII)


def public_protocol(request: Request) -> str:
    """`https` if any header says so for the first hop, which is the browser's."""
    protocols = [_forwarded(request, "proto"), *(_first(request.headers, name) for name in PROTOCOL_HEADERS)]
    return "https" if any(map(_SECURE.fullmatch, protocols)) else request.scope["scheme"]


def public_host(request: Request) -> str:
    """The host and port that the browser connected to, without a default port.

    A proxy that terminates TLS may pass on its own port, 80.
    """
    hosts = (_forwarded(request, "host"), _first(request.headers, "X-Forwarded-Host"))
    host = next((host for host in hosts if _HOST.fullmatch(host)), request.base_url.netloc)
    return _DEFAULT_PORT.sub("", host) if public_protocol(request) == "https" else host.removesuffix(":80")


def public_prefix(request: Request) -> str:
    """The path prefix that proxies removed, such as `/leads`. Each proxy appends its own part."""
    parts = ["/" + part.strip("/") for part in _values(request.headers, "X-Forwarded-Prefix") if part.strip("/")]
    prefix = "".join(parts)
    return prefix if _PREFIX.fullmatch(prefix) else ""


def _first(headers: Headers, name: str) -> str:
    return next(iter(_values(headers, name)), "")


def _values(headers: Headers, name: str) -> list[str]:
    """The value of each hop, across repeated headers and commas, the browser's first."""
    values = (part.strip().strip('"') for line in headers.getlist(name) for part in line.split(","))
    return [value for value in values if value]


def _forwarded(request: Request, name: str) -> str:
    """The first value of this parameter in RFC 7239's `Forwarded`."""
    found = _FORWARDED.findall(",".join(request.headers.getlist("Forwarded")))
    return next((quoted or plain for parameter, quoted, plain in found if parameter.lower() == name), "")
