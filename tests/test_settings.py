"""Settings as they arrive: out of files of secrets, env files, and shells that set what is empty."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from app.settings import Settings
from app.validation.error_messages import error_message

URL = "postgresql://ada:s%20cret@db.example/leads"


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(f"LEADSCORE_{name.upper()}", value)
    return Settings()


@pytest.mark.parametrize(
    "around", ["{}\n", "{}\r\n", " \t{} ", "\ufeff{}", '"{}"', "'{}'\n", ' "{}" ', "\u00a0{}\u200b"]
)
@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("database_url", URL, URL.replace("://", "+asyncpg://")),
        ("host", "::1", "::1"),
        ("port", "8001", 8001),
        ("database_url", URL.replace("postgresql", "PostgreSQL"), URL.replace("://", "+asyncpg://")),
        ("log_level", "debug", "debug"),
        ("log_level", "WARNING", "warning"),
        ("pool_timeout_s", "2.5", 2.5),
        ("cors_origins", "https://a.example, https://b.example", ["https://a.example", "https://b.example"]),
    ],
)
def test_surrounding_quotes_and_spaces_are_not_part_of_a_value(
    monkeypatch: pytest.MonkeyPatch, around: str, name: str, value: str, read: Any
) -> None:
    assert getattr(given(monkeypatch, **{name: around.format(value)}), name) == read


@pytest.mark.parametrize("empty", ["", "\n", " ", '""', "\ufeff"])
def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    names = {name: empty for name in Settings.model_fields if name != "database_url"}
    assert given(monkeypatch, **names) == Settings(database_url="sqlite:///leadscore.db")


@pytest.mark.parametrize("empty", ["", "\r\n", "''"])
def test_an_empty_secret_does_not_fall_back_to_an_embedded_database(
    monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    with pytest.raises(ValidationError, match="must begin with sqlite:// or postgresql://"):
        given(monkeypatch, database_url=empty)


@pytest.mark.parametrize(
    ("url", "file"), [("a%3Fb/c%2541.db", "a?b/c%41.db"), ("100%.db", "100%.db"), ("a b#c.db", "a b#c.db")]
)
def test_the_file_of_a_database_is_the_one_that_is_opened(monkeypatch: pytest.MonkeyPatch, url: str, file: str) -> None:
    settings = given(monkeypatch, database_url=f"sqlite:///{url}")
    assert str(settings.database_file) == file == make_url(settings.database_url).database


def test_a_question_mark_in_the_name_of_a_file_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="a \\? in a file's name is %3F"):
        given(monkeypatch, database_url="sqlite:///why?.db")


@pytest.mark.parametrize("value", ["it's", '"', "'a\""])
def test_an_unpaired_quote_is_kept(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert given(monkeypatch, host=value).host == value


@pytest.mark.parametrize("host", ["[::1]", "::1"])
def test_a_host_may_be_written_as_in_a_url(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert given(monkeypatch, host=host).host == "::1"


@pytest.mark.parametrize("name", ["cors_origins", "form_redirects"])
def test_origins_are_normalised_as_browsers_write_them(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    settings = given(monkeypatch, **{name: "https://MÜNCHEN.example:443/,\n https://*.shop.example,"})
    assert getattr(settings, name) == ["https://xn--mnchen-3ya.example", "https://*.shop.example"]


def test_hosts_are_normalised_as_urls_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given(monkeypatch, webhook_hosts="CRM.internal, [::1]").webhook_hosts == ["crm.internal", "::1"]
    with pytest.raises(ValidationError, match="without schemes and ports"):
        given(monkeypatch, webhook_hosts="http://crm.internal")


@pytest.mark.parametrize(
    ("value", "reason"),
    [("null", "must be an origin,"), ("a.example", "must be an origin,"), ("https://a.example/x", "without a path")],
)
def test_an_invalid_origin_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch, value: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        given(monkeypatch, cors_origins=value)


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"screen_user_header": "X-Forwarded-User"}, "screen_user_header"),
        ({"screen_admins": "ada"}, "screen_admins"),
        ({"trusted_proxies": "10.0.0.7", "screen_admins": "ada"}, "screen_admins"),
        ({"screen": "maybe"}, "screen"),
    ],
)
def test_half_of_a_proxy_s_settings_is_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        given(monkeypatch, **variables)
    assert [fault["loc"][0] for fault in refused.value.errors()] == [name]


SECRET = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (f"read:crm:{SECRET}", [("read", "crm")]),
        (
            f" read : the CRM: Berlin :{SECRET},\nwrite:website:{SECRET}-2 ,",
            [("read", "the CRM: Berlin"), ("write", "website")],
        ),
    ],
)
def test_keys_are_listed_here_or_in_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, read: list[tuple[str, str]]
) -> None:
    (tmp_path / "keys").write_text(text)
    for value in (text, f"@{tmp_path / 'keys'}"):
        listed = given(monkeypatch, bootstrap_keys=value).bootstrap_keys
        assert [(key.kind, key.name) for key in listed] == read
        assert listed[0].secret == SECRET


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (SECRET, "must be KIND:NAME:SECRET"),
        (f"root:crm:{SECRET}", "must be KIND:NAME:SECRET"),
        (f"read::{SECRET}", "must be KIND:NAME:SECRET"),
        (f"read:{'n' * 101}:{SECRET}", "must be KIND:NAME:SECRET"),
        (f"read:crm:{SECRET[:-1]}", "secrets of 32 to 200 random letters"),
        (f"read:crm:{'change-me-' * 4}", "secrets of 32 to 200 random letters"),
        (f"read:crm:{SECRET} x", "secrets of 32 to 200 random letters"),
        (f"read:crm:{SECRET},root:crm:{SECRET}", "key 2 must be KIND:NAME:SECRET"),
        ("@/nowhere/keys", "names a file that can't be read: No such file or directory"),
    ],
)
def test_keys_that_can_not_be_used_are_refused_without_showing_them(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        given(monkeypatch, bootstrap_keys=value)
    assert SECRET[:-1] not in str(refused.value)


def test_quotas_and_proxies_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(monkeypatch, quota_per_key="600/minute", trusted_proxies="10.0.0.1/8, ::1,192.0.2.7")
    assert read.quota_per_key == "600/minute"
    assert list(map(str, read.trusted_proxies)) == ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quota_per_key", "many"),
        ("quota_per_address", "600"),
        ("quota_per_address", "600/fortnight"),
        ("quota_per_address", "0/minute"),
        ("trusted_proxies", "proxy.example"),
        ("trusted_proxies", "10.0.0.0/33"),
    ],
)
def test_quotas_and_proxies_that_can_not_be_read_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ValidationError):
        given(monkeypatch, **{name: value})


@pytest.mark.parametrize("url", ["http://cache:6379", "cache:6379", "redis://", "redis://cache:port", "redis://[::1"])
def test_what_is_no_redis_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        given(monkeypatch, quota_redis_url=url)
    (fault,) = refused.value.errors()
    assert error_message(fault).startswith("must be the URL of a Redis, such as redis://HOST:6379/0")


@pytest.mark.parametrize(
    "url",
    [
        *("redis://cache/x", "rediss://cache:6379/1/2", "redis://cache/0x", "redis://cache/-1", "redis://cache/\u0661"),
        *("redis://cache?db=x", "redis://cache/0?db=", "redis+unix:///run/redis.sock?db=one", "redis://cache/1_0"),
    ],
)
def test_a_redis_whose_database_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(ValidationError, match="must end in the number of a database, such as redis://HOST:6379/0"):
        given(monkeypatch, quota_redis_url=url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache:6379/0",
        "redis://cache/",
        "redis://cache?db=2",
        "rediss://:secret@cache",
        "redis+unix:///run/redis.sock",
    ],
)
def test_the_url_of_a_redis_is_read(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert given(monkeypatch, quota_redis_url=url).quota_redis_url == url


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "inf") for name, field in Settings.model_fields.items() if "float" in str(field.annotation)),
        *((name, "750000") for name in Settings.model_fields if name.endswith("_days")),
    ],
)
def test_a_time_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        given(monkeypatch, **{name: value})


@pytest.mark.parametrize("name", ["suppression_secret", "proof_of_work_secret"])
def test_the_length_of_a_secret_counts_characters(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        given(monkeypatch, **{name: "a" * 31})
    (fault,) = refused.value.errors()
    assert (fault["loc"], error_message(fault)) == ((name,), "must have 32 or more characters")
    assert "a" * 31 not in str(refused.value)
    read = getattr(given(monkeypatch, **{name: "a" * 32}), name)
    assert (read.get_secret_value(), "a" * 32 in repr(read)) == ("a" * 32, False)
