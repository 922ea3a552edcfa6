"""An origin is written as browsers write it, and a URL that they may read otherwise has none."""

import pytest

from app.protocol.origins import origin_of


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
        "https://a\uff0fb.example/",
        "https://\u200b/",
        "https://\ud800.example/",
    ],
)
def test_what_browsers_may_read_otherwise_has_no_origin(url: str) -> None:
    assert origin_of(url) is None
