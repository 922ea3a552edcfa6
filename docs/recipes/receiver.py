"""Receives leadscore's webhooks, verifies their signatures, and prints one line per delivery.

    pip install standardwebhooks
    python receiver.py whsec_… [PORT]

Listens on 127.0.0.1, port 9000 by default. leadscore delivers at least once and not always in order: a delivery that
was handled before (the same webhook-id) is acknowledged and skipped, and so is one that is older than what is known of
the same lead (a lower position). Both are remembered in memory here; a real receiver keeps them in its database.
"""

import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

Change = dict[str, Any]
Answer = tuple[int, dict[str, str]]
"""A status and headers. Anything but 2xx makes leadscore deliver the change again later."""

DONE: Answer = (204, {})
LARGEST_BODY = 1_000_000


class Inbox:
    """Passes each change to `handle` once, unless a later one of the same lead has been handled."""

    def __init__(self, secret: str, handle: Callable[[Change], Answer]) -> None:
        self._webhook, self._handle = Webhook(secret), handle
        self._handled: set[str] = set()
        self._positions: dict[str | None, int] = {}

    def receive(self, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            change = self._webhook.verify(body, headers)
        except (WebhookVerificationError, ValueError):  # the latter: a header or body that isn't even text
            return 401, {}
        if self._is_news(change):
            status, more = self._handle(change)
            if status >= 300:
                return status, more
            self._handled.add(change["id"])
            self._positions[change["lead_id"]] = change["position"] or 0
        return DONE

    def _is_news(self, change: Change) -> bool:
        if change["id"] in self._handled:
            print(f"{change['id']}: skipped, a duplicate", flush=True)
            return False
        position = change["position"] or 0  # a test has none
        if change["lead_id"] and position < self._positions.get(change["lead_id"], 0):
            print(f"{change['id']}: skipped, older than what is known of lead {change['lead_id']}", flush=True)
            return False
        return True


def serve(inbox: Inbox, port: int) -> None:
    """Handles one delivery after another, so that `Inbox` needs no lock."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if 0 <= length <= LARGEST_BODY else b""  # which has no valid signature
            status, headers = inbox.receive(body, dict(self.headers))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass  # one line per delivery is enough

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"Listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def print_change(change: Change) -> Answer:
    print(f"{change['id']}: {change['type']} of lead {change['lead_id']}: {change['data']}", flush=True)
    return DONE


if __name__ == "__main__":
    serve(Inbox(sys.argv[1], print_change), int(sys.argv[2]) if len(sys.argv) > 2 else 9000)
