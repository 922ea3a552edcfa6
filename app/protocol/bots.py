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

MAX_AGENT_LENGTH = 256
"""Longer agents are cut off. Those on the list fit, and matching time grows with the length."""

_RUN_NO_SCRIPTS = frozenset({"http-library", "feed-reader", "social-preview"})
"""Tags of programs that only fetch pages. What has their names and runs scripts is an app with a person behind it."""

AMBIGUOUS = frozenset({r"008\/", r"AP3A\.240617\.008", "Butterfly", r"Code\/1\.", "Expanse", "Fluid", "Sogou", "Sonic"})
"""Patterns that also match people's devices and apps: Slack's desktop app sends `Sonic`."""

_INTRODUCTION = r"\+https?:"
"""Crawlers link to an explanation of what they do; browsers don't. An app whose web view does is one too."""


def is_too_fast(opened_at: datetime | None, received_at: datetime, min_seconds: float) -> bool:
    """Whether too little time has passed. A page that was opened in the future only has a clock that is fast."""
    return opened_at is not None and timedelta() <= received_at - opened_at < timedelta(seconds=min_seconds)


def is_crawler(agent: str) -> bool:
    """Whether a `User-Agent` is that of a known crawler or automated browser.

    Only agents that claim to be browsers are checked; every crawler that runs scripts does so. Programs that post forms
    under their own names, such as WordPress and Zapier, are on the same lists.
    """
    return agent.startswith("Mozilla/") and _matches(agent[:MAX_AGENT_LENGTH])


@lru_cache(maxsize=4096)
def _matches(agent: str) -> bool:
    return crawler_pattern().search(agent) is not None


@cache
def crawler_pattern() -> re.Pattern[str]:
    """Takes a moment the first time."""
    listed = (entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA if not _RUN_NO_SCRIPTS.issuperset(entry["tags"]))
    return re.compile("|".join((_INTRODUCTION, *(pattern for pattern in listed if pattern not in AMBIGUOUS))))
