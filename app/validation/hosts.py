"""Hosts, as an operator names them in a setting."""

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
        raise ValueError("must be host names or addresses, without schemes and ports, such as crm.internal")
    return host.strip("[]")
