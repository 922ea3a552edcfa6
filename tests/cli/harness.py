"""Hands and eyes for the command line's tests: history and a model to give it, and how to read what it says."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

MODEL = """
name: tiny
signals: {liked: {on: Liked}}
scores: {engagement: {rules: {likes: {signal: liked, points: 5}}}}
stages: [{name: interest}, {name: fan, when: {score: engagement, gte: 10}}]
examples:
  - name: two likes make a fan
    given: [{event: Liked}, {event: Liked}]
    expect: {stage: fan}
"""


def one_sentence(text: str) -> str:
    """What was said, which has to be one line and no traceback."""
    [line] = text.strip().splitlines()
    return line


def line(**fields: Any) -> str:
    return json.dumps({"type": "track", "event": "Liked", "userId": "u1", "timestamp": "2026-01-01T00:00:00Z"} | fields)


GOOD = [line(messageId="m1"), line(messageId="m2"), line(), line(), "", line(userId="u2")]
"""Six lines with five messages: two are alike and without an id, and one is blank."""


def totals(done: subprocess.CompletedProcess[str]) -> tuple[int, ...]:
    """Accepted, duplicates, refused."""
    match = re.fullmatch(r"([\d,]+) accepted, ([\d,]+) duplicates?, ([\d,]+) refused\n", done.stdout)
    assert match, (done.stdout, done.stderr)
    return tuple(int(count.replace(",", "")) for count in match.groups())


CONTACTS = """Email,Company,Created At,Demo Requested At,Liked At
ada@x.example,Navy,2026-01-01,2026-01-03,2026-01-04
bob@x.example,"Acme, Ltd",2026-01-01,,2026-01-05T10:00:00Z
cy@x.example,,2026-01-01,,
"""
"""Three people with three events in two columns."""

EVENTS_OF_CONTACTS = ("--event-at", "Demo Requested=Demo Requested At", "--event-at", "Liked=Liked At")
