"""First touch: the channel through which a person first came, from UTM parameters, click ids and the referrer."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl

from app.scoring.referrers import SiteKind, host_of, kind_of_host, kind_of_source, site_of, split_url
from app.scoring.strings import comparable_name, trimmed

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
    "ai_assistant",
    "other",
]
CHANNELS: tuple[str, ...] = get_args(Channel)

_CLICK_IDS: Mapping[Channel, str] = {
    "paid_search": "gclid gbraid wbraid gclsrc gad_source gad_campaignid msclkid yclid bd_vid sznclid",
    "paid_social": "li_fat_id ttclid twclid rdt_cid epik sccid qclid ldtag_cl",
    "display": "dclid tblci dicbo oborigurl ob_click_id cto_pld",
    "affiliate": "irclickid awc cjevent ranmid ransiteid sscid zanpid tduid clickref",
    "email": "mc_eid mc_cid mkt_tok _hsenc _hsmi _kx vero_id dm_i elqtrackid ck_subscriber_id oly_enc_id bsft_eid",
    "organic_social": "fbclid igshid igsh",  # Facebook adds fbclid to posts as well as to advertisements
    "organic_search": "ysclid srsltid",
}
CLICK_IDS: Mapping[str, Channel] = {name: channel for channel, names in _CLICK_IDS.items() for name in names.split()}
"""The parameters, in lower case, that platforms add to a landing page's URL. If it has several, the first here wins."""

# Mediums and sources, in `comparable_name`'s form. Google Analytics' default channel groups, and words for advertising:
PAID = re.compile(r"^(.*cp.*|ppc|retargeting|(.* )?(paid.*|ads?|sponsored))$")
EMAIL = frozenset({"email", "e mail", "mail", "newsletter", "newsletters", "mailing", "emailing"})
MEDIUMS: Mapping[str, Channel] = {
    **dict.fromkeys(["display", "banner", "expandable", "interstitial", "cpm"], "display"),
    **dict.fromkeys(EMAIL, "email"),
    **dict.fromkeys(["affiliate", "affiliates", "partner"], "affiliate"),
    **dict.fromkeys(["social", "social network", "social media", "sm"], "organic_social"),
    "referral": "referral",
}
_NOT_SET = frozenset({"direct", "none", "not set", "not provided", "null", "undefined"})  # Google Analytics' own words
UTM = ("source", "medium", "campaign", "term", "content")
MAX_LENGTH = 500  # characters kept of a referrer or a parameter


def first_touch(context: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any] | None:
    """`{channel, referrer, utm}` of a visit, or None if the event does not come from a page."""
    page = _mapping(context.get("page"))
    url = _text(page.get("url")) or _text(properties.get("url"))
    search = _text(page.get("search")) or _text(properties.get("search"))
    referrer = _text(page.get("referrer")) or _text(properties.get("referrer"))
    campaign = _mapping(context.get("campaign"))
    if not (url or search or referrer or campaign or page):
        return None
    tagged, clicked = _landing(url, search)
    utm = {**tagged, **_campaign(campaign)}
    host = host_of(referrer)
    if host is None or _is_internal(host, host_of(url)):  # RudderStack's library sends `$direct` for no referrer
        host, referrer = None, None
    return {"channel": _channel(utm, clicked, host), "referrer": referrer and referrer[:MAX_LENGTH], "utm": utm}


def _is_internal(host: str, own: str | None) -> bool:
    return own is not None and (host == own or site_of(host) == site_of(own))


def _campaign(campaign: Mapping[str, Any]) -> dict[str, str]:
    # Segment calls utm_campaign `name`
    named = {("campaign" if key == "name" else key): _text(value) for key, value in campaign.items()}
    return {key: kept for key in UTM if (kept := _kept(named.get(key) or ""))}


def _kept(value: str) -> str:
    # Databases can't store U+0000, which `%00` encodes.
    return trimmed(value)[:MAX_LENGTH].replace("\0", "\ufffd")


# --- The channel ------------------------------------------------------------------------------------------------


def _channel(utm: Mapping[str, str], clicked: Channel | None, host: str | None) -> Channel:
    given = {key: value for key, value in utm.items() if comparable_name(value.strip("()")) not in _NOT_SET}
    if clicked and "medium" not in given:  # a click id distinguishes paid from organic; a source alone does not
        return clicked
    if given:
        return _channel_of_campaign(given, clicked, host)
    if host is None:
        return "direct"
    return _OF_SITE.get(kind_of_host(host), "referral")


_OF_SITE: Mapping[SiteKind | None, Channel] = {
    "search": "organic_search",
    "social": "organic_social",
    "email": "email",
    "paid": "display",
    "assistant": "ai_assistant",
}
_PAID_OF_SITE: Mapping[SiteKind | None, Channel] = {"social": "paid_social", "paid": "display"}
_SITE_OF_CLICK: Mapping[Channel | None, SiteKind] = {
    "paid_search": "search",
    "paid_social": "social",
    "organic_social": "social",
    "display": "paid",
}


def _channel_of_campaign(utm: Mapping[str, str], clicked: Channel | None, host: str | None) -> Channel:
    medium, source = comparable_name(utm.get("medium", "")), utm.get("source", "")
    by_source, by_host = kind_of_source(source), kind_of_host(host) if host else None
    declared = _declared_channel(medium)
    if medium not in MEDIUMS and PAID.match(medium):
        paid_on = (
            "social"
            if "social" in medium
            else "paid"
            if declared == "display"
            else by_source or _SITE_OF_CLICK.get(clicked) or by_host
        )
        return _PAID_OF_SITE.get(paid_on, "paid_search")
    if declared != "display" and comparable_name(source) in EMAIL:
        return "email"
    if declared or medium not in ("", "organic"):
        return declared or "other"
    return _OF_SITE.get(by_source if source else by_host, "other")


def _declared_channel(medium: str) -> Channel | None:
    """The channel that the medium names, as a whole or by one of its words, as in `organic social` and `email ad`."""
    words = medium.split()
    if "organic" in words and "search" in words:
        return "organic_search"
    if "direct" in words:  # direct mail is paper
        return None
    return MEDIUMS.get(medium) or next((MEDIUMS[word] for word in words if word in MEDIUMS), None)


# --- The landing page -------------------------------------------------------------------------------------------

# HTML's escapes of the ampersand, which get into links copied from a page's source, and the older semicolon.
_SEPARATOR = re.compile(r"&((amp|#0*38|#x0*26);)+|;(?=utm_)", re.IGNORECASE)
_SECOND_QUERY = re.compile(r"\?(?=[\w.-]+=)")  # platforms put `?fbclid=…` behind a query, too


@lru_cache(maxsize=4096)
def _landing(url: str | None, search: str | None) -> tuple[Mapping[str, str], Channel | None]:
    """The landing URL's UTM parameters, and the channel that its click ids indicate."""
    parts, query = split_url(_with_plain_separators(url or "")), _with_plain_separators(search or "").lstrip("?")
    # A single-page application may have its path, with a query, after the #.
    parameters = _parameters(parts.fragment.rpartition("?")[2]) | _parameters(parts.query) | _parameters(query)
    utm = {key: parameters[f"utm_{key}"] for key in UTM if f"utm_{key}" in parameters}
    return utm, next((channel for name, channel in CLICK_IDS.items() if name in parameters), None)


def _with_plain_separators(text: str) -> str:
    return _SEPARATOR.sub("&", text) if ";" in text else text


def _parameters(query: str) -> dict[str, str]:
    if "=" not in query:
        return {}
    try:
        pairs = parse_qsl(_SECOND_QUERY.sub("&", query), max_num_fields=100)
    except ValueError:
        return {}
    # `&amp%3B` is HTML's `&amp;` with its semicolon percent-encoded.
    named = {trimmed(key).lower().rpartition("amp;")[2]: _kept(value) for key, value in pairs}
    return {key: value for key, value in named.items() if value}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
