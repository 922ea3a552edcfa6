"""Posts a message to Slack when a lead becomes sales-ready, with the reasons.

    pip install httpx standardwebhooks
    WEBHOOK_SECRET=whsec_… SLACK_URL=https://hooks.slack.com/services/… python slack.py [PORT]

Needs receiver.py in the same folder, an incoming webhook of Slack (SLACK_URL), and a webhook of leadscore that sends
lead.stage_changed here. SALES_READY lists the stages to announce, separated by commas (default: sql). If Slack can't
take the message now, leadscore gets a 503 and delivers the change again later; nothing is kept here. A message may
appear twice if this process dies between Slack's answer and its own.
"""

import os
import sys
from typing import Any

import httpx
from receiver import DONE, Answer, Change, Inbox, serve

LONGEST_TEXT = 3000


class Slack:
    def __init__(self, url: str, stages: set[str]) -> None:
        self._url, self._stages = url, stages

    def announce(self, change: Change) -> Answer:
        if change["type"] != "lead.stage_changed" or change["data"]["to"] not in self._stages:
            return DONE
        if not change["data"].get("notify", True):
            return DONE
        try:
            answer = httpx.post(self._url, json=message(change), timeout=10)
        except httpx.TransportError as error:
            print(f"{change['id']}: Slack can't be reached: {error}", file=sys.stderr, flush=True)
            return 503, {}
        if answer.is_success:
            return DONE
        print(f"{change['id']}: Slack answered {answer.status_code}: {answer.text}", file=sys.stderr, flush=True)
        return 503, {name: value for name, value in answer.headers.items() if name == "retry-after"}


def message(change: Change) -> dict[str, Any]:
    """`text` is what notifications show; the block is what the channel shows."""
    who = ", ".join(change.get("identities", {}).get("email", [])) or f"lead {change['lead_id']}"
    data = change["data"]
    title = f"{escape(who)} is now {escape(data['to'])}"
    scores = ", ".join(f"{escape(name)} {value:g}" for name, value in data["scores"].items())
    reasons = [
        f"• {escape(line['rule'])}: {line['points']:+g} {escape(line['score'])}" for line in data.get("reasons", [])
    ]
    text = "\n".join([f"*{title}* (was {escape(data['from'])}): {scores}", *reasons])
    return {"text": title, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST_TEXT]}}]}


def escape(text: str) -> str:
    """Slack wants these three characters escaped, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


if __name__ == "__main__":
    slack = Slack(os.environ["SLACK_URL"], set(os.environ.get("SALES_READY", "sql").split(",")))
    serve(Inbox(os.environ["WEBHOOK_SECRET"], slack.announce), int(sys.argv[1]) if len(sys.argv) > 1 else 9000)
