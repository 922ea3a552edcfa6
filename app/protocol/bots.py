"""Bots: the signs by which a message is quarantined, which means that it is kept but doesn't count."""

import re
from datetime import datetime, timedelta
from functools import cache, lru_cache

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from app.errors import InvalidMessage

HONEYPOT = InvalidMessage("honeypot", "The form's honeypot was filled in.")
TOO_FAST = InvalidMessage("too-fast", "The form was sent sooner after it was opened than a person can fill it in.")
CRAWLER = InvalidMessage("crawler", "The User-Agent is that of a crawler or an automated browser.")
UNPROVEN = InvalidMessage("proof-of-work", "The form was sent without a valid proof of work.")

QUARANTINED = frozenset(sign.code for sign in (HONEYPOT, TOO_FAST, CRAWLER, UNPROVEN))
"""The codes of rejections that can be released."""

MAX_AGENT_LENGTH = 500
# Apps have these in them: the people who use the app are behind such agents.
_NOT_CRAWLERS = "http-library"


def is_too_fast(opened_at: datetime | None, received_at: datetime, min_seconds: float) -> bool:
    """Whether too little time has passed. A page that was opened in the future only has a clock that is fast."""
    return opened_at is not None and timedelta() <= received_at - opened_at < timedelta(seconds=min_seconds)


def is_crawler(agent: str) -> bool:
    """Whether a `User-Agent` is that of a known crawler or automated browser.

    Only what presents itself as a browser is compared, as do all crawlers that run a page's scripts. Programs that post
    forms under their own names, such as WordPress and Zapier, are on the same lists.
    """
    return agent.startswith("Mozilla/") and _matches(agent[:MAX_AGENT_LENGTH])


@lru_cache(maxsize=4096)
def _matches(agent: str) -> bool:
    return crawler_pattern().search(agent) is not None


@cache
def crawler_pattern() -> re.Pattern[str]:
    """Takes a moment the first time."""
    entries = (entry for entry in CRAWLER_USER_AGENTS_DATA if _NOT_CRAWLERS not in entry.get("tags", ()))
    return re.compile("|".join(entry["pattern"] for entry in entries))
