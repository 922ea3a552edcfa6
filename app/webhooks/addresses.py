"""Which addresses webhooks may be sent to: public ones. Everything inside a network is denied.

The ranges are those of IANA's special-purpose address registries (RFC 6890) that are not globally reachable, those
whose addresses contain an IPv4 address, and two that clouds use for metadata. They are listed here because
`ipaddress.is_global` is true of some of them, and changes with Python's version.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

DENIED_IPV4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba Cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform, a public address that is answered inside its networks
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
    )
]

GLOBAL_IPV6 = IPv6Network("2000::/3")
"""The only range of global unicast addresses. NAT64, unique local, link-local and multicast ones are outside of it."""

DENIED_IPV6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
]


def is_public(address: str) -> bool:
    """Whether an address, such as `getaddrinfo` returns it, is one that anybody can reach."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        return _is_public_ipv4(parsed.ipv4_mapped) if parsed.ipv4_mapped else _is_public_ipv6(parsed)
    return _is_public_ipv4(parsed)


def _is_public_ipv4(address: IPv4Address) -> bool:
    return not any(address in network for network in DENIED_IPV4)


def _is_public_ipv6(address: IPv6Address) -> bool:
    return address in GLOBAL_IPV6 and not any(address in network for network in DENIED_IPV6)
