"""The real Python packages of Segment and RudderStack, each posting to a process that serves."""

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from rudderstack.analytics import request as rudder_request
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics import request as segment_request
from segment.analytics.client import Client as SegmentClient

from tests.api.server import Server

PACKAGES = {"segment": (SegmentClient, segment_request), "rudder": (RudderClient, rudder_request)}


@pytest.fixture(params=list(PACKAGES))
def package(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@contextmanager
def client(
    package: str, server: Server, *, key: str | None = None, zipped: bool = True
) -> Iterator[tuple[Any, list[Any]]]:
    """A client and what it complains of. At the end all is sent, its thread has ended, and its sockets are closed."""
    made, module = PACKAGES[package]
    faults: list[Any] = []
    settings = {"host": server.url, "gzip": zipped, "upload_interval": 0.05, "max_retries": 2}
    settings["on_error"] = lambda error, _items: faults.append(error)
    module._session = requests.Session()
    logging.getLogger(package if package == "segment" else "rudderstack").setLevel(logging.CRITICAL)
    sender = made(key or server.keys["write"], **settings)
    try:
        yield sender, faults
    finally:
        sender.flush()
        sender.join()
        atexit.unregister(sender.join)
        module._session.close()


def events_of(server: Server, **identity: str) -> list[Any]:
    lead = server.ask("/v1/leads/lookup", **identity)
    events: list[Any] = server.ask(f"/v1/leads/{lead['id']}/events")["data"]
    return events


def test_every_kind_of_message_from_a_package_arrives(server: Server, package: str) -> None:
    user, visitor, email = f"{package}-1", f"{package}-a", f"ada@{package}.example.com"
    with client(package, server) as (sender, faults):
        sender.page(anonymous_id=visitor, name="Pricing", properties={"path": "/pricing"})
        sender.alias(visitor, user)
        sender.identify(user, {"email": email.upper(), "company_size": 80})
        sender.track(user, "Demo Requested", {"plan": "pro"})
        sender.screen(user, name="Home")
        sender.group(user, "g1", {"name": "Analytical Engines"})
    assert faults == []
    lead = server.ask("/v1/leads/lookup", email=email)
    assert (lead["stage"], lead["traits"]["company_size"], lead["event_count"]) == ("sql", 80, 6)
    assert (lead["identities"]["user_id"], lead["identities"]["anonymous_id"]) == ([user], [visitor])
    events = {event["name"]: event for event in events_of(server, user_id=user)}
    assert sorted(events) == ["Aliased", "Demo Requested", "Group Joined", "Identified", "Page Viewed", "Screen Viewed"]
    assert events["Demo Requested"]["properties"] == {"plan": "pro"}


def test_several_uploads_arrive_uncompressed_too(server: Server, package: str) -> None:
    with client(package, server, zipped=False) as (sender, faults):
        for number in range(250):
            sender.track(f"{package}-2", "Liked", {"number": number})
    assert faults == []
    assert server.ask("/v1/leads/lookup", user_id=f"{package}-2")["event_count"] == 250


def refusals(server: Server) -> int:
    server.ask("/v1/leads")  # a request is logged after its answer: when the next one is answered, it has been
    return len([line for line in server.log.splitlines() if '"status":401' in line])


def test_a_wrong_key_is_reported_once_and_not_retried(server: Server, package: str) -> None:
    before = refusals(server)
    with client(package, server, key="unknown") as (sender, faults):
        sender.track(f"{package}-3", "Liked")
    [fault] = faults
    assert (fault.status, fault.code) == (401, "invalid-key")
    assert "valid key" in fault.message
    assert refusals(server) == before + 1


def test_a_bad_message_costs_only_itself(server: Server, package: str) -> None:
    with client(package, server) as (sender, faults):
        sender.track(f"{package}-4", "Liked", {"note": 2**63})
        sender.track(f"{package}-4", "Liked")
    assert faults == []
    assert server.ask("/v1/leads/lookup", user_id=f"{package}-4")["event_count"] == 1
