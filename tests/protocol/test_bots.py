"""The signs of bots, and that people don't show them."""

from datetime import UTC, datetime, timedelta

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from app.protocol.bots import AMBIGUOUS, crawler_pattern, is_crawler, is_too_fast

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"

CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; NotOnAnyList/1.0; +https://www.example.com/about)",
]
BROWSERS = [
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Edg/139.0.0.0",
    f"Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 20) {CHROME}",
    "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 390.0.0.23",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/500]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [Pinterest/iOS]",
    "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Version/4.0 Chrome/139 Mobile DuckDuckGo/5 Safari/537.36",
]
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
ANDROID = "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/140.0.7339.207 Mobile Safari/537.36"
APPS = [
    f"{MAC} Slack/4.38.125 Chrome/124.0.0.0 Electron/30.0.0 Safari/537.36 Sonic Slack_SSB/4.38.125",
    f"{WINDOWS} discord/1.0.9147 Chrome/120.0.6099.291 Electron/28.2.10 Safari/537.36",
    f"{MAC} Notion/2.0.23 Chrome/91.0.4472.164 Electron/13.6.9 Safari/537.36",
    f"{WINDOWS} Teams/1.8.00.3758 Chrome/126.0.6478.261 Electron/31.7.7 Safari/537.36",
    f"{WINDOWS} Code/1.115.0 Chrome/142.0.7444.265 Electron/39.8.5 Safari/537.36",
    f"{IPHONE} Viber/20.6.0.0",
    f"Mozilla/5.0 (Linux; Android 10; Redmi Note 7 Build/QKQ1.190920.002; wv) {ANDROID} Viber/14.7.0.4",
    f"{IPHONE} WhatsApp/2.24.15.78",
    f"{IPHONE} [FBAN/WhatsAppSMBIPhone]",
    f"{IPHONE} [FBAN/FBIOS;FBAV/445.0.0.35.117;FBBV/548375166;FBDV/iPhone12,1;FBMD/iPhone;FBSN/iOS;FBSV/17.1.2]",
    f"Mozilla/5.0 (Linux; Android 16; Pixel 10 Pro XL Build/CP1A.260305.018; wv) {ANDROID} MetaIAB Facebook",
    f"{IPHONE} Instagram 300.0.0.18.110 (iPhone15,2; iOS 17_5; de_DE; de-DE; scale=3.00; 1179x2556)",
    f"{IPHONE} [LinkedInApp]/9.30.2144",
    f"Mozilla/5.0 (Linux; Android 15; SM-A146P Build/AP3A.240905.015.A2; wv) {ANDROID} [LinkedInApp]/2.200.63",
    f"{IPHONE} Outlook-iOS/4.2531.0",
    f"Mozilla/5.0 (Linux; Android 15; CPH2557 Build/AP3A.240617.008; wv) {ANDROID}",
    "Mozilla/5.0 (Linux; Android 4.2.2; HTC Butterfly Build/JDQ39) AppleWebKit/537.36 Chrome/31.0 Mobile Safari/537.36",
]
PROGRAMS = ["", "curl/8.5.0", "okhttp/4.12", "WordPress/6.8; https://www.example.com", "Zapier", "Make/production"]


@pytest.mark.parametrize("agent", CRAWLERS)
def test_crawlers_and_automated_browsers_are_recognised(agent: str) -> None:
    assert is_crawler(agent)


@pytest.mark.parametrize("agent", [*BROWSERS, *APPS, *PROGRAMS])
def test_browsers_apps_and_programs_that_post_forms_are_not_crawlers(agent: str) -> None:
    assert not is_crawler(agent)


def test_no_crawler_on_the_list_is_longer_than_what_is_compared() -> None:
    listed = [agent for entry in CRAWLER_USER_AGENTS_DATA for agent in entry["instances"]]
    crawlers = [agent for agent in listed if agent.startswith("Mozilla/") and crawler_pattern().search(agent)]
    assert len(crawlers) > 900
    assert [agent for agent in crawlers if not is_crawler(agent)] == []


def test_every_pattern_that_is_left_out_is_still_on_the_list() -> None:
    assert AMBIGUOUS - {entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA} == set()


@pytest.mark.parametrize(
    ("seconds", "is_hasty"), [(0, True), (1.999, True), (2, False), (3_600, False), (-0.001, False), (-3_600, False)]
)
def test_a_form_is_hasty_within_the_minimum_and_not_if_its_clock_is_fast(seconds: float, is_hasty: bool) -> None:
    assert is_too_fast(NOW - timedelta(seconds=seconds), NOW, min_seconds=2) == is_hasty


def test_without_a_minimum_or_a_time_no_form_is_hasty() -> None:
    assert not is_too_fast(NOW, NOW, min_seconds=0)
    assert not is_too_fast(None, NOW, min_seconds=2)
