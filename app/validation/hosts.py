"""Hosts, as an operator names them in a setting."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from app.validation.origins import origin_of

SCHEME = "http://"


def read_host(entry: str) -> str:
    """A host name in ASCII or an address without brackets, in the form that URLs have it in.

    Raises ValueError, with a message for the user.
    """
    bracketed = f"[{entry}]" if ":" in entry and not entry.startswith("[") else entry
    host = (origin_of(SCHEME + bracketed) or "").removeprefix(SCHEME)
    has_port = ":" in bracketed.rpartition("]")[2]
    if not host or has_port or set(entry) & set("/?#"):
        msg = "must be host names or addresses, without schemes and ports, such as crm.internal"
        raise ValueError(msg)
    return host.strip("[]")


def read_network(entry: str) -> IPv4Network | IPv6Network:
    """A network, or an address as a network of one. Raises ValueError, with a message for the user."""
    try:
        return ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        msg = "must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8"
        raise ValueError(msg) from None
