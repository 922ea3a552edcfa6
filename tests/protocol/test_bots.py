"""The signs of bots, and that people don't show them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.protocol.bots import is_crawler, is_too_fast

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"

CRAWLERS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/139.0.0.0 Safari/537.36",
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
PROGRAMS = ["", "curl/8.5.0", "okhttp/4.12", "WordPress/6.8; https://www.example.com", "Zapier", "Make/production"]


@pytest.mark.parametrize("agent", CRAWLERS)
def test_crawlers_and_automated_browsers_are_recognised(agent: str) -> None:
    assert is_crawler(agent)


@pytest.mark.parametrize("agent", [*BROWSERS, *PROGRAMS])
def test_browsers_and_programs_that_post_forms_are_not_crawlers(agent: str) -> None:
    assert not is_crawler(agent)


@pytest.mark.parametrize(
    ("seconds", "is_hasty"), [(0, True), (1.999, True), (2, False), (3_600, False), (-0.001, False), (-3_600, False)]
)
def test_a_form_is_hasty_within_the_minimum_and_not_if_its_clock_is_fast(seconds: float, is_hasty: bool) -> None:
    assert is_too_fast(NOW - timedelta(seconds=seconds), NOW, min_seconds=2) == is_hasty


def test_without_a_minimum_or_a_time_no_form_is_hasty() -> None:
    assert not is_too_fast(NOW, NOW, min_seconds=0)
    assert not is_too_fast(None, NOW, min_seconds=2)
