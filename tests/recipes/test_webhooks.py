"""leadscore's own webhooks at receivers: docs/recipes/receiver.py, as in the README, and a catch hook like n8n's."""

import asyncio
import json
import socket

import httpx

from app.documents.webhooks import WebhookMessage
from tests.api.server import Server, serving
from tests.recipes.deliveries import program
from tests.webhooks.receivers import Receiver, always, receiving

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def subscribe(server: Server, port: int) -> tuple[str, str]:
    """The id and the secret of a new webhook."""
    headers = {"Authorization": f"Bearer {server.keys['admin']}"}
    made = httpx.post(f"{server.url}/v1/webhooks", json={"url": f"http://{HOST}:{port}/"}, headers=headers).json()
    return made["webhook"]["id"], made["secret"]


def ask_for_a_demo(server: Server) -> None:
    form = {"anonymousId": "a2", "email": "bob@example.com", "event": "Demo Requested"}
    assert server.send("/v1/forms/demo", form).json()["success"]


def test_a_form_arrives_at_the_receiver_verified(sqlite_url: str) -> None:
    with serving(sqlite_url, webhook_hosts=HOST) as server:
        port = free_port()
        _, secret = subscribe(server, port)
        with program("receiver.py", secret, str(port)) as receiver:
            ask_for_a_demo(server)
            assert ": lead.stage_changed of lead " in receiver.printed.readline()


def test_a_test_message_arrives_too(sqlite_url: str) -> None:
    with serving(sqlite_url, webhook_hosts=HOST) as server:
        port = free_port()
        webhook, secret = subscribe(server, port)
        with program("receiver.py", secret, str(port)) as receiver:
            headers = {"Authorization": f"Bearer {server.keys['admin']}"}
            sent = httpx.post(f"{server.url}/v1/webhooks/{webhook}/test", headers=headers, timeout=30).json()
            assert sent["state"] == "delivered"
            assert ": webhook.test of lead None: " in receiver.printed.readline()


async def test_a_catch_hook_gets_json_that_it_can_map(sqlite_url: str) -> None:
    """n8n's and Zapier's hooks answer 200 with JSON, and offer the body's fields to the steps that follow."""
    async with receiving(always("200 OK", b'{"message": "Workflow was started"}')) as hook:
        arrived = hook.next_request()
        await asyncio.to_thread(serve_until_received, sqlite_url, hook)
        head, _, body = (await arrived).partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    assert set(WebhookMessage.model_fields) == set(json.loads(body))


def serve_until_received(url: str, hook: Receiver) -> None:
    with serving(url, webhook_hosts=HOST) as server:
        subscribe(server, hook.port)
        ask_for_a_demo(server)
        while not hook.requests:
            httpx.get(f"{server.url}/livez")
