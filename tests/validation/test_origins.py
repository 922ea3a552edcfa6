"""An origin is written as browsers write it, and a URL that they may read otherwise has none."""

import pytest

from app.validation.origins import is_allowed, origin_of, read_allowed


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("https://www.example.com/thanks?a=1#top", "https://www.example.com"),
        ("HTTPS://WWW.Example.COM/Thanks", "https://www.example.com"),
        ("https://www.example.com:443/thanks", "https://www.example.com"),
        ("http://www.example.com:80", "http://www.example.com"),
        ("https://www.example.com:/", "https://www.example.com"),
        ("https://www.example.com:0443/", "https://www.example.com"),
        ("https://www.example.com:80/", "https://www.example.com:80"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("https://www.example.com./", "https://www.example.com"),
        ("https://münchen.example/danke", "https://xn--mnchen-3ya.example"),
        ("https://MÜNCHEN.example", "https://xn--mnchen-3ya.example"),
        ("https://mu\u0308nchen.example", "https://xn--mnchen-3ya.example"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://例え。example", "https://xn--r8jz45g.example"),
        ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
        ("https://my_shop.example", "https://my_shop.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[0:0:0:0:0:0:0:1]:8000/", "http://[::1]:8000"),
        ("http://[2001:DB8::1]/", "http://[2001:db8::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url) == origin
    assert origin_of(origin) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "null",
        "/thanks",
        "//www.example.com/",
        "www.example.com",
        "https:www.example.com",
        "https:///www.example.com",
        "javascript:alert(1)",
        "ftp://www.example.com/",
        "https://",
        "https://*.example.com",
        "https://www.example.com@elsewhere.example/",
        "https://user:secret@www.example.com/",
        "https://www.example.com\\@elsewhere.example/",
        "https:/\\www.example.com",
        "https://www.example.com/a\r\nSet-Cookie: a=1",
        "https://www.exam\tple.com/",
        " https://www.example.com",
        "https://www%2Eexample.com/",
        "https://www.example..com/",
        "https://www example.com/",
        "https://www.example.com:port/",
        "https://www.example.com:65536/",
        "https://[",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "https://[::1]elsewhere.example/",
        "https://elsewhere.example[::1]/",
        "https://a\uff0fb.example/",
        "https://\u200b/",
        "https://\ud800.example/",
    ],
)
def test_what_browsers_may_read_otherwise_has_no_origin(url: str) -> None:
    assert origin_of(url) is None


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        ("https://www.example.com/", "https://www.example.com"),
        ("https://*.Example.com:443", "https://*.example.com"),
        ("HTTPS://*.münchen.example/", "https://*.xn--mnchen-3ya.example"),
        ("http://*.localhost:3000", "http://*.localhost:3000"),
    ],
)
def test_an_entry_of_an_allow_list_is_written_as_it_is_compared(entry: str, origin: str) -> None:
    assert read_allowed(entry) == origin
    assert read_allowed(origin) == origin


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("null", "must be an origin, such as"),
        ("www.example.com", "must be an origin, such as"),
        ("https://*", "must be an origin, such as"),
        ("https://*.*.example.com", "must be an origin, such as"),
        ("https://www*.example.com", "must be an origin, such as"),
        ("https://*.10.0.0.1", "must be an origin, such as"),
        ("https://*.[::1]", "must be an origin, such as"),
        ("https://www.example.com/shop", "must be an origin without a path, such as"),
        ("https://*.example.com/*", "must be an origin without a path, such as"),
        ("https://www.example.com?", "must be an origin without a path, such as"),
        ("https://www.example.com/#top", "must be an origin without a path, such as"),
    ],
)
def test_an_entry_that_no_browser_would_send_is_refused_with_the_reason(entry: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_allowed(entry)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://shop.example", False),
        ("https://www.shop.example", True),
        ("https://a.b.shop.example/thanks?x=1", True),
        ("https://wwwshop.example", False),
        ("http://www.shop.example", False),
        ("https://www.shop.example:8443", False),
        ("https://www.shop.example.evil.example", False),
        ("https://evil.example/.shop.example", False),
        ("https://evil.example#.shop.example", False),
        ("https://evil.example\\.shop.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_wildcard_allows_every_subdomain_and_nothing_else(url: str, *, allowed: bool) -> None:
    assert is_allowed(url, ["https://*.shop.example"]) is allowed
