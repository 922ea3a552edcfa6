"""The client's address, for quotas. Anybody can send the headers of proxies, so only those of trusted ones count."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import Request
from starlette.datastructures import Headers

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FOR = re.compile(r"""\bfor\s*=\s*(?:"([^"]*)"|([^\s;,"]*))""", re.IGNORECASE)
_IPV6_PREFIX = 64  # a subscriber has at least so many addresses


def client_address(request: Request, trusted: Sequence[Network]) -> str | None:
    """The client's address, or its /64 network if it is one of IPv6. None if not even the peer's is known.

    The peer's address counts unless the peer is a trusted proxy. Then the last address in `Forwarded`, or else in
    `X-Forwarded-For`, that is not a trusted proxy's counts: each proxy appends the address of its own peer.
    """
    address = peer_address(request)
    for hop in reversed(_hops(request.headers)):
        if address is None or not is_in(address, trusted):
            break
        known = _read(hop)
        if known is None:  # hidden or malformed: nobody knows who is behind the proxy
            break
        address = known
    return None if address is None else _subscriber(address)


def peer_address(request: Request) -> Address | None:
    """The address of whoever opened the connection. A socket for both IP versions maps IPv4 into IPv6."""
    return _read(request.client.host) if request.client else None


def _hops(headers: Headers) -> Sequence[str]:
    """The addresses that proxies have seen, the client's first."""
    if forwarded := headers.getlist("Forwarded"):
        return [quoted or plain for quoted, plain in _FOR.findall(",".join(forwarded))]
    return [part for line in headers.getlist("X-Forwarded-For") for part in line.split(",")]


def _read(text: str) -> Address | None:
    """An address, also with a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _subscriber(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), _IPV6_PREFIX), strict=False))
