"""Searches: what a person types, as beginnings of identities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.protocol.identities import read_identity
from app.protocol.searches import Search, read_search


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada", Search(("email:ada", "user_id:Ada", "anonymous_id:Ada"))),
        (
            " +49 (30) 12-3",
            Search(("email:+49 (30) 12-3", "user_id:+49 (30) 12-3", "anonymous_id:+49 (30) 12-3", "phone:+4930123")),
        ),
        ("@Acme", Search(domain_prefix="acme")),
        ("", None),
        ("\u200b ", None),
        ("@", None),
        ("a\0b", None),
    ],
)
def test_a_search_is_read(text: str, expected: Search | None) -> None:
    assert read_search(text) == expected


@given(st.sampled_from(["Ada@Example.com", "grace.hopper@NAVY.example"]), st.integers(1, 30))
def test_every_beginning_of_an_address_finds_it(address: str, length: int) -> None:
    identity, search = read_identity("email", address), read_search(address[:length])
    assert search is not None
    assert search.identity_prefixes is not None
    assert any(str(identity).startswith(prefix) for prefix in search.identity_prefixes)
