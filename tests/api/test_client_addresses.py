"""The client's address: the peer's, or what trusted proxies say about those in front of them."""

from ipaddress import ip_network

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from app.api.client_addresses import client_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
CLIENT = "203.0.113.9"
Headers = list[tuple[str, str]]


def asked(peer: str | None, *headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw, "client": None if peer is None else (peer, 4711)})


def seen(peer: str | None, *headers: tuple[str, str]) -> str | None:
    return client_address(asked(peer, *headers), TRUSTED)


FORWARDED = [
    [("X-Forwarded-For", CLIENT)],
    [("X-Forwarded-For", f" {CLIENT}:5000 ")],
    [("X-Forwarded-For", f"198.51.100.1, {CLIENT}")],
    [("X-Forwarded-For", f"198.51.100.1, {CLIENT}, 10.1.1.1")],
    [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", f"{CLIENT},10.1.1.1")],
    [("X-Forwarded-For", f"::ffff:{CLIENT}")],
    [("Forwarded", f"for={CLIENT}")],
    [("Forwarded", f'for=198.51.100.1;proto=https, For="{CLIENT}:5000";by=10.1.1.1')],
    [("Forwarded", f'for={CLIENT}, for="[fd00::1]:80"'), ("X-Forwarded-For", "198.51.100.1")],
]


@pytest.mark.parametrize("headers", FORWARDED)
def test_a_trusted_proxy_names_the_client(headers: Headers) -> None:
    assert seen("10.0.0.1", *headers) == CLIENT
    assert seen("::ffff:10.0.0.1", *headers) == CLIENT
    assert seen("fd00::1%eth0", *headers) == CLIENT


@pytest.mark.parametrize("headers", FORWARDED)
def test_nobody_else_does(headers: Headers) -> None:
    assert seen("192.0.2.1", *headers) == "192.0.2.1"
    assert seen(None, *headers) is None


@pytest.mark.parametrize("hidden", ["unknown", "_hidden", "", "1.2.3", "client.example"])
def test_a_client_that_no_proxy_names_counts_as_the_last_one_that_is_known(hidden: str) -> None:
    assert seen("10.0.0.1", ("X-Forwarded-For", f"{CLIENT}, {hidden}, 10.1.1.1")) == "10.1.1.1"
    assert seen("10.0.0.1", ("Forwarded", f'for={CLIENT}, for="{hidden}"')) == "10.0.0.1"


def test_addresses_of_one_ipv6_subscriber_count_as_one() -> None:
    addresses = {seen("10.0.0.1", ("X-Forwarded-For", f"[2001:db8:1:2::{each}]:80")) for each in (1, 2)}
    assert addresses == {"2001:db8:1:2::/64"}


@given(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"])), st.sampled_from(["Forwarded", "X-Forwarded-For"])
)
def test_a_client_can_not_choose_its_address_by_what_it_sends(claim: str, header: str) -> None:
    """The proxy appends what it has seen to whatever the client has sent."""
    appended = f"for={CLIENT}" if header == "Forwarded" else CLIENT
    assert seen("10.0.0.1", (header, claim), (header, appended)) == CLIENT
