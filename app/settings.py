"""The Settings class: everything that can be configured, from environment variables `LEADSCORE_*`."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Secret,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.scoring.phones import REGIONS
from app.scoring.strings import trimmed
from app.validation.hosts import read_host
from app.validation.keys import ChosenKey, read_chosen_key
from app.validation.numbers import AsNumber, AsWholeNumber
from app.validation.origins import read_allowed

NO_QUOTA = "must be a number and a time, such as 600/minute or 10000 per 6 hours"
_NUMBER_OF_REDIS = re.compile(r"\d{1,9}", re.ASCII)
MAX_DAYS = 36_500  # of far more, the moment that long ago would be before the year 1


def _bare(text: str) -> str:
    """The text without surrounding whitespace, a byte order mark and one pair of quotes."""
    text = trimmed(text)
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return trimmed(text[1:-1]) if quoted else text


def _in_lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _split_keys(value: object) -> object:
    """Keys separated by commas or line breaks, here or in the file that is named after an `@`."""
    if not isinstance(value, str):
        return value
    if value.startswith("@"):
        try:
            value = Path(value[1:]).read_text()
        except OSError as error:
            raise ValueError(f"names a file that can't be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ValueError("names a file that is not text in UTF-8") from error
    parts = [part for part in value.replace("\n", ",").split(",") if part.strip()]
    return [_read_key(number, part) for number, part in enumerate(parts, 1)]


def _read_key(number: int, text: str) -> ChosenKey:
    try:
        return read_chosen_key(text)
    except ValueError as error:
        raise ValueError(f"key {number} {error}") from None


def _check_quota(text: str) -> str:
    from limits import parse as parse_quota  # noqa: PLC0415 - loaded only if there is a quota

    try:
        quota = parse_quota(text)
    except ValueError:
        raise ValueError(NO_QUOTA) from None
    if not quota.amount:  # it would refuse everything
        raise ValueError(NO_QUOTA)
    return text


def _databases(parts: SplitResult) -> list[str]:
    """What a Redis's URL says of the number of its database."""
    path = "" if parts.scheme == "redis+unix" else parts.path.removeprefix("/")
    return [*filter(None, [path]), *parse_qs(parts.query, keep_blank_values=True).get("db", [])]


def _check_redis_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_redis = parts.scheme in ("redis", "rediss", "redis+unix") and bool(parts.netloc or parts.path)
        _ = parts.port
    except ValueError:
        is_redis = False
    if is_redis and not all(map(_NUMBER_OF_REDIS.fullmatch, _databases(parts))):  # the client would take another
        raise ValueError("must end in the number of a database, such as redis://HOST:6379/0")
    if not is_redis:
        raise ValueError("must be the URL of a Redis, such as redis://HOST:6379/0 or, with TLS, rediss://HOST:6379/0")
    return url


def _read_network(text: object) -> object:
    try:
        return ip_network(text, strict=False) if isinstance(text, str) else text
    except ValueError:
        raise ValueError("must be addresses or networks, such as 10.0.0.0/8") from None


Quota = Annotated[str, AfterValidator(_check_quota)]
RedisUrl = Annotated[str, AfterValidator(_check_redis_url)]
Seconds = Annotated[float, Field(allow_inf_nan=False), AsNumber]
Days = Annotated[int, Field(ge=1, le=MAX_DAYS), AsWholeNumber]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_read_network)]
Networks = Annotated[list[Network], NoDecode, BeforeValidator(_split)]
ChosenKeys = Annotated[list[ChosenKey], NoDecode, BeforeValidator(_split_keys)]
Origins = Annotated[list[Annotated[str, AfterValidator(read_allowed)]], NoDecode, BeforeValidator(_split)]
Hosts = Annotated[list[Annotated[str, AfterValidator(read_host)]], NoDecode, BeforeValidator(_split)]
RandomText = Secret[Annotated[str, StringConstraints(min_length=32)]]
POSTGRES_OPTIONS = (
    *("host", "port", "user", "password", "passfile", "service", "servicefile"),
    *("ssl", "sslmode", "direct_tls", "target_session_attrs", "krbsrvname", "gsslib"),
)
"""The options allowed in a PostgreSQL URL: those of libpq that asyncpg accepts, and asyncpg's own."""

NO_URL = "is not a URL: write it as postgresql://USER:PASSWORD@HOST:PORT/NAME, with %3F for a ? in the password"
CERTIFICATES = "set certificates with PGSSLROOTCERT, PGSSLCERT and PGSSLKEY"


class Settings(BaseSettings):
    """leadscore's database, address and limits."""

    model_config = SettingsConfigDict(env_prefix="LEADSCORE_", extra="ignore", frozen=True, hide_input_in_errors=True)

    database_url: str = Field(
        "sqlite:///leadscore.db",
        description="`sqlite:///FILE` (embedded) or `postgresql://USER:PASSWORD@HOST/NAME`.",
    )
    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=0, le=65_535), AsWholeNumber] = Field(
        8000, description="The port to listen on; 0 chooses one."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_in_lower_case)] = Field(
        "info", description="The minimum severity of log lines: `debug`, `info`, `warning` or `error`."
    )
    bootstrap_keys: ChosenKeys = Field(
        [],
        repr=False,
        description="Comma-separated keys to create at the start, each `KIND:NAME:SECRET`, or `@FILE`, one per line.",
    )
    cors_origins: Origins = Field(
        [], description="Comma-separated origins whose pages may call the paths that do not ingest."
    )
    form_redirects: Origins = Field(
        [], description="Comma-separated origins that a form's `_next` may lead to, such as `https://www.example.com`."
    )
    quota_per_key: Quota | None = Field(
        None, description="Maximum number of messages and other requests per key, such as `600/minute`."
    )
    quota_per_address: Quota | None = Field(
        None, description="The same per client address, for `write` keys, which are public."
    )
    quota_redis_url: RedisUrl | None = Field(
        None, repr=False, description="A Redis, `redis://HOST:6379/0`, in which replicas share what they have counted."
    )
    trusted_proxies: Networks = Field(
        [], description="Comma-separated addresses or networks of proxies whose headers are believed."
    )
    phone_region: str | None = Field(
        None,
        description="The country, such as `DE`, of phone numbers without a country code; unset, they identify nobody.",
    )
    pool_size: Annotated[int, Field(ge=2, le=200), AsWholeNumber] = Field(
        10, description="Maximum number of PostgreSQL connections per process."
    )
    pool_timeout_s: Annotated[Seconds, Field(gt=0)] = Field(
        5, description="Maximum wait for a connection before the answer is 503, in seconds."
    )
    queue_messages: Annotated[int, Field(ge=2_500), AsWholeNumber] = Field(
        20_000, description="Maximum number of messages that wait for the writer; beyond it the answer is 503."
    )
    commit_messages: Annotated[int, Field(ge=1, le=2_500), AsWholeNumber] = Field(
        1_000, description="How many messages the writer collects for one commit before it adds no more requests."
    )
    keep_alive_s: Annotated[int, Field(ge=1), AsWholeNumber] = Field(
        65, description="How long an idle connection stays open, in seconds: use more than your load balancer does."
    )
    body_timeout_s: Annotated[Seconds, Field(gt=0)] = Field(
        20, description="Maximum time for a request's body to arrive, in seconds."
    )
    shutdown_timeout_s: Annotated[int, Field(ge=1), AsWholeNumber] = Field(
        30, description="Maximum time to finish current requests at shutdown, in seconds."
    )
    shutdown_delay_s: Annotated[Seconds, Field(ge=0)] = Field(
        0, description="How long /readyz answers 503 before the server stops listening, in seconds."
    )
    sweep_interval_s: Annotated[Seconds, Field(gt=0)] = Field(
        60, description="How often to look for leads whose stage is due to change, in seconds."
    )
    sweep_chunk: Annotated[int, Field(ge=1, le=5_000), AsWholeNumber] = Field(
        500, description="How many leads one transaction of the sweeper or of a new model re-evaluates."
    )
    rejections_days: Days = Field(30, description="How long refused messages are kept for inspection, in days.")
    webhook_hosts: Hosts = Field(
        [],
        description="Comma-separated names or addresses of webhook receivers in private networks, also without TLS.",
    )
    deliveries_days: Days = Field(
        30, description="How long finished deliveries of webhooks are kept for inspection and replay, in days."
    )
    anonymous_days: Days | None = Field(
        None, description="How long leads that only have anonymous ids are kept after they were last seen, in days."
    )
    events_days: Days | None = Field(
        None, description="How long events are kept after they were received, in days. Scores keep what they counted."
    )
    suppression_secret: RandomText | None = Field(
        None,
        description="A random text of 32 characters or more, with which identities of suppressed people are hashed.",
    )
    form_min_seconds: Annotated[Seconds, Field(ge=0)] = Field(
        2, description="Forms sent sooner after they were opened are quarantined, in seconds; 0 switches that off."
    )
    quarantine_crawlers: Annotated[Literal["on", "off"], BeforeValidator(_in_lower_case)] = Field(
        "on", description="`off` counts what known crawlers and automated browsers send with `write` keys."
    )
    proof_of_work_secret: RandomText | None = Field(
        None,
        description="A random text of 32 characters or more; forms sent with `write` keys then need proof of work.",
    )
    changes_days: Days = Field(30, description="How long the feed keeps changes, in days.")

    screen: Annotated[Literal["on", "off"], BeforeValidator(_in_lower_case)] = Field(
        "on", description="`off` removes the pages under `/ui/`."
    )
    screen_user_header: str | None = Field(
        None,
        description="The header in which a trusted proxy names the user of the screen, such as `X-Forwarded-User`.",
    )
    screen_admins: Annotated[list[str], NoDecode, BeforeValidator(_split)] = Field(
        [], description="Comma-separated users, as the proxy names them, who are admins; the others only read."
    )

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Strip values from secret files and env files. An empty value counts as unset.

        Except for the database's: if its secret is missing, SQLite must not silently replace it.
        """
        bare = {name: _bare(value) if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in bare.items() if value != "" or name == "database_url"}

    @field_validator("host")
    @classmethod
    def _without_brackets(cls, host: str) -> str:
        return host.removeprefix("[").removesuffix("]")  # of an IPv6 address, as in a URL

    @field_validator("phone_region")
    @classmethod
    def _is_a_region(cls, region: str | None) -> str | None:
        code = region and region.upper()
        if code and code not in REGIONS:
            raise ValueError("must be a two-letter ISO country code, such as DE or GB")
        return code

    @field_validator("screen_user_header")
    @classmethod
    def _comes_from_a_trusted_proxy(cls, header: str | None, earlier: ValidationInfo) -> str | None:
        if header is not None and not earlier.data.get("trusted_proxies"):
            raise ValueError("needs LEADSCORE_TRUSTED_PROXIES: without it, anybody could send this header")
        return header

    @field_validator("screen_admins")
    @classmethod
    def _are_named_by_a_header(cls, users: list[str], earlier: ValidationInfo) -> list[str]:
        if users and earlier.data.get("screen_user_header") is None:
            raise ValueError("needs LEADSCORE_SCREEN_USER_HEADER, which names the users")
        return users

    @field_validator("database_url")
    @classmethod
    def _names_a_driver(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
        driver = drivers.get(scheme.lower().partition("+")[0])
        if not separator or driver is None:
            raise ValueError("must begin with sqlite:// or postgresql://")
        url = f"{driver}://{rest}"
        if driver.startswith("sqlite") and _file_of(url) in ("", ":memory:"):
            raise ValueError("must name a file, such as sqlite:///leadscore.db")
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise ValueError(NO_URL) from None
        if "@" in parts.query:  # the password has an unescaped `?`
            raise ValueError(NO_URL)
        _check_options(parts.query, () if driver.startswith("sqlite") else POSTGRES_OPTIONS)
        return url

    @property
    def embedded(self) -> bool:
        """Whether the database is SQLite, which leadscore migrates by itself."""
        return self.database_url.startswith("sqlite")

    @property
    def database_file(self) -> Path:
        return Path(_file_of(self.database_url))


def _check_options(query: str, known: tuple[str, ...]) -> None:
    for name in parse_qs(query, keep_blank_values=True):
        if name not in known:
            allowed = f"{', '.join(known)}; {CERTIFICATES}" if known else "none; a ? in a file's name is %3F"
            raise ValueError(f"has the option {name}: leave it out (allowed options: {allowed})")


def _file_of(url: str) -> str:
    """The file that SQLAlchemy opens, which decodes %3F and the like."""
    return unquote(url.partition(":///")[2].partition("?")[0])
