"""Hosts, as an operator names them in a setting."""

from app.validation.origins import origin_of

SCHEME = "http://"


def read_host(entry: str) -> str:
    """A host name in ASCII or an address without brackets, in the form that URLs have it in.

    Raises ValueError, with a message for the user.
    """
    is_bare_ipv6 = ":" in entry and not entry.startswith("[")
    host = (origin_of(f"{SCHEME}[{entry}]" if is_bare_ipv6 else SCHEME + entry) or "").removeprefix(SCHEME)
    if not host or set(entry) & set("/?#") or host.rpartition("]")[2].count(":"):
        msg = "must be host names or addresses, without schemes and ports, such as crm.internal"
        raise ValueError(msg)
    return host.strip("[]")
