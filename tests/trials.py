"""Real trials of an online course, and which of them succeeded.

We may not distribute the data (see benchmarks/README.md). Without it, the tests that need it are skipped.
"""

import csv
import gzip
import json
import os
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.scoring.events import Event, Identity

ROOT = Path(__file__).parents[1]
TRIALS = Path(os.environ.get("LEADSCORE_TEST_TRIALS", ROOT.parent / "shared" / "data" / "trials.jsonl.gz"))


def read_trials() -> dict[str, list[Event]]:
    """The messages as events, by person. Skips the test if the data is not there."""
    if not TRIALS.exists():
        pytest.skip(f"the real trials are not at {TRIALS}: set LEADSCORE_TEST_TRIALS to where trials.jsonl.gz lies")
    by_user = defaultdict(list)
    with gzip.open(TRIALS, "rt") as lines:
        for message in map(json.loads, lines):
            by_user[message["userId"]].append(as_event(message))
    return by_user


def read_successes() -> dict[str, bool]:
    """By person."""
    with TRIALS.with_name("trials-passed.csv").open(newline="") as rows:
        return {row["userId"]: row["label"] == "1" for row in csv.DictReader(rows)}


def as_event(message: dict[str, Any]) -> Event:
    at = datetime.fromisoformat(message["timestamp"])
    return Event(
        id=UUID(message["messageId"]),
        source="trials",
        message_id=message["messageId"],
        type=message["type"],
        name=message.get("event", "Identified"),
        identities=(Identity("user_id", message["userId"]),),
        occurred_at=at,
        received_at=at,
        trusted=True,
        properties=message.get("properties", {}),
        context={},
        traits=message.get("traits", {}),
    )
