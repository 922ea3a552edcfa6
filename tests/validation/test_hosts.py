"""Hosts as an operator names them."""

import pytest

from app.validation.hosts import read_host


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("crm.internal", "crm.internal"),
        ("LOCALHOST", "localhost"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("10.0.0.7", "10.0.0.7"),
        ("::1", "::1"),
        ("[fd00::7]", "fd00::7"),
    ],
)
def test_a_host_is_read_as_urls_have_it(entry: str, host: str) -> None:
    assert read_host(entry) == host


@pytest.mark.parametrize(
    "entry", ["http://crm.internal", "crm.internal:8080", "[::1]:80", "a/b", "a?b", "a b", "user@a"]
)
def test_anything_more_than_a_host_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="without schemes and ports"):
        read_host(entry)
