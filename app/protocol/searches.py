"""Searches: what a person types to find leads, turned into beginnings of identities or of an email domain."""

from dataclasses import dataclass

from app.protocol.values import is_storable
from app.scoring.strings import trimmed

_PHONE_PUNCTUATION = str.maketrans("", "", " ()-./")


@dataclass(frozen=True, slots=True)
class Search:
    """`identity_prefixes`: as `kind:value`, any of which may match; None if the search is for a domain."""

    identity_prefixes: tuple[str, ...] | None = None
    domain_prefix: str | None = None


def read_search(text: str) -> Search | None:
    """`@acme` searches email domains, all else every kind of identity. None if there is nothing to search for.

    Email addresses are stored in lower case, and phone numbers without punctuation; ids match exactly.
    """
    wanted = trimmed(text)
    lowered = wanted.lower()
    if not is_storable(wanted) or wanted in {"", "@"}:
        return None
    if wanted.startswith("@"):
        return Search(domain_prefix=lowered[1:])
    phone = wanted.translate(_PHONE_PUNCTUATION)
    prefixes = [f"email:{lowered}", f"user_id:{wanted}", f"anonymous_id:{wanted}"]
    return Search(identity_prefixes=(*prefixes, f"phone:{phone}") if phone.startswith("+") else tuple(prefixes))
