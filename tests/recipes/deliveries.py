"""leadscore's webhooks as receivers see them: signed bodies, posted to a recipe that runs as a program."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from uuid import uuid4

import httpx
from standardwebhooks import Webhook

from tests.recipes.syncing import RECIPES

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_b3RoZXIgc2VjcmV0IG90aGVyIHNlY3JldA=="


def change(position: int, **more: Any) -> dict[str, Any]:
    """A stage change of one lead, as the body of a webhook."""
    reason = {
        "score": "engagement",
        "rule": "demo",
        "title": "demo",
        "signal": "demo_requested",
        "hits": 1,
        "points": 40.0,
    }
    reason |= {"last_hit_on": "2026-11-29", "kind": "rule"}
    data = {"from": "mql", "to": "sql", "cause": "event", "model_version": 3, "scores": {"engagement": 85.0}}
    body = {"type": "lead.stage_changed", "timestamp": "2026-11-29T09:00:00Z", "id": str(uuid4()), "position": position}
    body |= {"lead_id": "01a20054-bf90-7148-a30d-73b502fc5ed7", "identities": {"email": ["ada@example.com"]}}
    return body | {"data": data | {"notify": True, "reasons": [reason]}} | more


@dataclass
class Program:
    """A recipe that listens. `printed` is its standard output."""

    url: str
    printed: IO[str]

    def deliver(self, body: dict[str, Any], *, secret: str = SECRET, age_s: int = 0, **headers: str) -> httpx.Response:
        content, sent_at = json.dumps(body), datetime.now(UTC) - timedelta(seconds=age_s)
        signed = {
            "webhook-id": body["id"],
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": Webhook(secret).sign(body["id"], sent_at, content),
        }
        return httpx.post(self.url, content=content, headers=signed | headers, timeout=30)


@contextmanager
def program(recipe: str, *arguments: str, **settings: str) -> Iterator[Program]:
    """`python docs/recipes/… 0`, which listens on a free port and says on which."""
    command = [sys.executable, str(RECIPES / recipe), *arguments]
    environment = {"PATH": os.environ["PATH"]} | settings
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            match = re.search(r"http://\S+", process.stdout.readline())
            assert match
            yield Program(match[0], process.stdout)
        finally:
            process.kill()
