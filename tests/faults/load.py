"""Clients that send as analytics libraries do: each message is repeated, under its id, until it is acknowledged."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from time import monotonic, sleep
from typing import Any

import httpx

from tests.api.server import Server

CONNECTIONS = 4
PEOPLE = 20
BACKOFF_S = 0.1
GIVE_UP_AFTER_S = 60
PATIENCE_S = 45
"""How long a client waits for an answer: longer than the server ever takes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got for one attempt, and when. `status` is None if the connection failed."""

    message_id: str
    began: float
    ended: float
    status: int | None
    asks_to_retry: bool = False

    @property
    def is_acknowledgement(self) -> bool:
        return self.status == httpx.codes.OK


class Load:
    """Sends messages on a few connections, each the next one when the last is acknowledged, until it is stopped."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.answers: list[Answer] = []
        self._servers = servers
        self._numbers = count()
        self._stopping = threading.Event()
        self._answered = threading.Condition()

    @property
    def acknowledged(self) -> int:
        return sum(answer.is_acknowledgement for answer in self.answers)

    @property
    def refused(self) -> int:
        return len(self.answers) - self.acknowledged

    def wait(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for an answer after which something holds. Returns whether it does."""
        with self._answered:
            return self._answered.wait_for(holds, timeout_s)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send until the block ends, and then until what has been begun is acknowledged."""
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            clients = [pool.submit(self._keep_sending, number) for number in range(CONNECTIONS)]
            try:
                yield
            finally:
                self._stopping.set()
        for client in clients:
            client.result()

    def _keep_sending(self, first_server: int) -> None:
        servers = count(first_server)
        with httpx.Client(timeout=PATIENCE_S) as client:
            while not self._stopping.is_set():
                self._deliver(client, message(next(self._numbers)), servers)

    def _deliver(self, client: httpx.Client, body: dict[str, Any], servers: Iterator[int]) -> None:
        """Repeat a message, on the next server each time, until it is acknowledged."""
        give_up_at = monotonic() + GIVE_UP_AFTER_S
        while monotonic() < give_up_at:
            server = self._servers[next(servers) % len(self._servers)]
            answer = _send(client, server, body)
            with self._answered:
                self.answers.append(answer)
                self._answered.notify_all()
            if answer.is_acknowledgement:
                return
            sleep(BACKOFF_S)


def message(number: int) -> dict[str, Any]:
    """A message of one of a few people, each of whom uses two browsers."""
    return {
        "messageId": f"m{number}",
        "userId": f"u{number % PEOPLE}",
        "anonymousId": f"a{number % (2 * PEOPLE)}",
        "event": "Feature Used" if number % 3 else "Trial Started",
    }


def _send(client: httpx.Client, server: Server, body: dict[str, Any]) -> Answer:
    began = monotonic()
    try:
        answer = client.post(f"{server.url}/v1/track", json=body, auth=(server.keys["write"], ""))
    except httpx.TransportError:
        return Answer(body["messageId"], began, monotonic(), None)
    return Answer(body["messageId"], began, monotonic(), answer.status_code, "Retry-After" in answer.headers)
