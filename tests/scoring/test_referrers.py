"""Referrers: the kind of site that a host belongs to, and which hosts are the same site."""

import pytest

from app.scoring.referrers import MORE_HOSTS, MORE_NAMES, host_of, kind_of_host, kind_of_source, known_referrers
from app.scoring.sources import first_touch


def channel(referrer: str, url: str = "https://www.acme.example/pricing") -> str:
    touch = first_touch({"page": {"url": url, "referrer": referrer}}, {})
    assert touch is not None
    return str(touch["channel"])


@pytest.mark.parametrize(
    "referrer",
    [
        "https://x.com/",
        "https://t.co/abc",
        "https://www.threads.net/@acme",
        "https://www.threads.com/@acme",
        "https://bsky.app/profile/acme",
        "https://mastodon.social/@acme",
        "https://l.facebook.com/l.php",
        "https://m.youtube.com/",
        "https://out.reddit.com/",
        "https://lnkd.in/abc",
        "https://discord.com/",
        "https://web.whatsapp.com/",
        "android-app://com.linkedin.android/",
        "android-app://com.facebook.katana",
        "android-app://com.twitter.android/https/x.com",
        "android-app://com.reddit.frontpage",
        "android-app://org.telegram.messenger",
        "android-app://com.google.android.youtube",
    ],
)
def test_networks_are_social(referrer: str) -> None:
    assert channel(referrer) == "organic_social"


@pytest.mark.parametrize(
    "referrer",
    [
        "https://www.google.com/",
        "https://www.google.com:443/",
        "https://WWW.Google.COM./",
        "https://images.google.de/",
        "https://lens.google.com/",
        "https://cn.bing.com/",
        "https://www2.bing.com/",
        "https://uk.search.yahoo.com/",
        "https://r.search.yahoo.com/",
        "https://search.yahoo.co.jp/",
        "https://ya.ru/",
        "https://wap.baidu.com/",
        "https://html.duckduckgo.com/",
        "https://search.brave.com/",
        "https://www.startpage.com/",
        "android-app://com.google.android.googlequicksearchbox/",
        "android-app://com.duckduckgo.mobile.android",
    ],
)
def test_search_engines_are_search(referrer: str) -> None:
    assert channel(referrer) == "organic_search"


@pytest.mark.parametrize(
    "referrer",
    [
        "https://docs.google.com/",
        "https://drive.google.com/",
        "https://meet.google.com/",
        "https://calendar.google.com/",
        "https://classroom.google.com/",
        "https://sites.google.co.uk/",
        "https://business.bing.com/",
        "https://finance.yahoo.com/",
        "https://disk.yandex.ru/",
        "https://pan.baidu.com/",
        "https://developer.microsoft.com/",
        "https://notgoogle.com/",
        "https://google.com.partner.example/",
        "android-app://com.google.android.apps.docs",
    ],
)
def test_other_products_of_search_engines_are_referrals(referrer: str) -> None:
    assert channel(referrer) == "referral"


@pytest.mark.parametrize(
    "referrer",
    [
        "https://mail.google.com/",
        "https://outlook.live.com/",
        "https://outlook.office.com/mail/",
        "https://mail.yandex.ru/",
        "https://webmail.partner.example/",
        "https://email.partner.co.uk/",
        "android-app://com.google.android.gm/",
        "android-app://com.microsoft.office.outlook",
        "android-app://me.proton.android.mail",
    ],
)
def test_web_mail_is_email(referrer: str) -> None:
    assert channel(referrer) == "email"


@pytest.mark.parametrize(
    "referrer",
    [
        "https://chatgpt.com/",
        "https://chat.openai.com/",
        "https://www.perplexity.ai/search",
        "https://gemini.google.com/app",
        "https://copilot.microsoft.com/",
        "https://claude.ai/",
        "https://chat.deepseek.com/",
        "https://www.meta.ai/",
        "https://grok.com/",
        "android-app://com.openai.chatgpt",
        "android-app://ai.perplexity.app.android",
    ],
)
def test_chatbots_are_assistants(referrer: str) -> None:
    assert channel(referrer) == "ai_assistant"


@pytest.mark.parametrize(
    ("url", "referrer"),
    [
        ("https://www.acme.co.uk/", "https://blog.acme.co.uk/"),
        ("https://app.acme.com/", "https://acme.com/"),
        ("https://acme.com:8443/", "https://WWW.ACME.COM./"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://shop.xn--mnchen-3ya.example/", "https://www.MÜNCHEN.example/"),
        ("https://acme.github.io/", "https://acme.github.io/docs"),
        ("http://localhost:8000/", "http://localhost:3000/"),
        ("http://10.0.0.1/", "http://10.0.0.1:8080/"),
        ("http://[::1]/", "http://[::1]:8080/"),
        ("https://app.acme.com/", "android-app://com.acme.android"),
    ],
)
def test_a_page_of_the_same_site_is_not_a_referrer(url: str, referrer: str) -> None:
    touch = first_touch({"page": {"url": url, "referrer": referrer}}, {})
    assert touch == {"channel": "direct", "referrer": None, "utm": {}}


@pytest.mark.parametrize(
    ("url", "referrer"),
    [
        ("https://one.github.io/", "https://two.github.io/"),
        ("https://one.myshopify.com/", "https://two.myshopify.com/"),
        ("https://acme.co.uk/", "https://other.co.uk/"),
        ("http://10.0.0.1/", "http://10.1.0.1/"),
        ("https://acme.com/", "https://acme.de/"),
        ("https://acme.com/", "https://notacme.com/"),
    ],
)
def test_a_page_of_another_site_is_a_referrer(url: str, referrer: str) -> None:
    assert channel(referrer, url) == "referral"


@pytest.mark.parametrize("url", [None, "", "about:blank", f"https://{'a.' * 1_000}example/", "https:///", "$direct"])
def test_a_url_without_a_host_has_none(url: str | None) -> None:
    assert host_of(url) is None


def test_a_host_that_is_invalid_in_dns_is_kept_unchanged() -> None:
    assert host_of(f"https://{'ü' * 100}.example/") == f"{'ü' * 100}.example"


def test_hosts_added_to_the_list_are_recognized() -> None:
    for kind, hosts in MORE_HOSTS.items():
        assert {host for host in hosts.split() if kind_of_host(host_of(_url(host)) or "") != kind} == set()
    for kind, names in MORE_NAMES.items():
        assert {name for name in names.split() if kind_of_source(name) != kind} == set()


def _url(host: str) -> str:
    return f"android-app://{host}" if host.startswith("com.") else f"https://{host}"


def test_the_names_of_sites_are_comparable() -> None:
    _, names = known_referrers()
    assert names["google images"] == "search"
    assert kind_of_source("Google\u00a0Images ") == "search"
    assert kind_of_source("") is None
