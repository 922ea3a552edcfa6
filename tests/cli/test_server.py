"""`leadscore serve`: what it prints, what it refuses, and how it stops."""

import asyncio
import inspect
import json
import re
import socket
import subprocess
from base64 import b64encode
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy.engine import make_url

from app import cli
from app.cli.server import bind, local_url
from app.errors import Unavailable
from app.settings import POSTGRES_OPTIONS
from tests import databases
from tests.api.harness import until
from tests.api.server import COMMAND, Server, Wire, environment, run, serving
from tests.cli.harness import one_sentence


def test_the_first_serve_prints_keys_and_commands_that_work(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'new.db'}", keys={}) as server:
        kinds = dict(re.findall(r"^(\w+)=(ls_\w+_\S+)$", server.printed, re.MULTILINE))
        assert set(kinds) == {"WRITE", "SERVER", "READ", "ADMIN"}
        commands = re.findall(r"^curl (?:.*\\\n)*.*(?:\n  \{.*)*", server.printed, re.MULTILINE)
        answers = [
            json.loads(subprocess.check_output(["/bin/bash", "-ec", command], timeout=30)) for command in commands
        ]
    *sent, lead, score = answers
    assert [answer["accepted"] for answer in sent] == [1, 1, 2]
    assert lead["identities"] == {"user_id": ["u1"], "email": ["ada@example.com"], "phone": [], "anonymous_id": ["a1"]}
    assert lead["stage"] != "interest"
    assert score["stage"] == lead["stage"]
    assert score["scores"]["engagement"]["ledger"]
    assert "request" in server.log
    assert "ls_" not in server.log


def test_serving_a_database_with_keys_prints_none(sqlite_url: str) -> None:
    with serving(sqlite_url) as server:
        assert server.printed == f"leadscore listens on {server.url} (documentation: {server.url}/docs)\n"


def test_keys_are_never_created_in_an_external_postgres(postgres_url: str) -> None:
    with serving(postgres_url, keys={}) as server:
        assert "ls_" not in server.printed


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


async def send_across_a_stop(server: Server, count: int, answers: list[bytes]) -> None:
    """Begin requests, stop the server, and only then send the bodies. What is answered goes to `answers`."""
    host, port = server.url.removeprefix("http://").split(":")
    key = b64encode(f"{server.keys['write']}:".encode()).decode()
    ends = [await asyncio.open_connection(host, int(port)) for _ in range(count)]
    bodies = [json.dumps({"event": "Liked", "userId": "u1", "messageId": f"m{number}"}) for number in range(count)]
    for body, (reader, writer) in zip(bodies, ends, strict=True):
        lines = (
            "POST /v1/track HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Basic {key}",
            f"Content-Length: {len(body)}",
        )
        writer.write("\r\n".join([*lines, "Expect: 100-continue", "", ""]).encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"  # the server waits for the body
    server.process.terminate()
    await until(lambda: not accepts(host, int(port)))
    for body, (_, writer) in zip(bodies, ends, strict=True):
        writer.write(body.encode())
    answers += [await reader.read() for reader, _ in ends]
    for _, writer in ends:
        writer.close()


def accepts(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        return probe.connect_ex((host, port)) == 0


def test_stopping_answers_every_request_in_flight(database_url: str) -> None:
    answers: list[bytes] = []
    with serving(database_url) as server:
        databases.run(send_across_a_stop(server, 50, answers))
        server.process.wait(timeout=30)
    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 50
    with serving(database_url, server.keys) as again:
        assert again.ask("/v1/leads/lookup", user_id="u1")["event_count"] == 50


def test_serve_refuses_an_outdated_postgres_and_names_the_remedy(empty_postgres: str) -> None:
    done = run(empty_postgres, "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`leadscore migrate`" in one_sentence(done.stderr)


@pytest.mark.parametrize(
    ("host", "printed", "reachable"),
    [
        ("127.0.0.1", "127.0.0.1", ["127.0.0.1"]),
        ("0.0.0.0", "127.0.0.1", ["127.0.0.1", "127.0.0.2"]),  # noqa: S104 - on a port of the test's own, for a moment
        ("localhost", "127.0.0.1", ["127.0.0.1"]),
        pytest.param("::1", "[::1]", ["::1"], marks=needs_ipv6),
        pytest.param("[::1]", "[::1]", ["::1"], marks=needs_ipv6),
        pytest.param("::", "localhost", ["::1", "127.0.0.1"], marks=needs_ipv6),
        pytest.param("0:0::0", "localhost", ["::1", "127.0.0.1"], marks=needs_ipv6),
    ],
)
def test_the_printed_address_answers(sqlite_url: str, host: str, printed: str, reachable: list[str]) -> None:
    with serving(sqlite_url, {}, "--host", host) as server:
        url = httpx.URL(server.url)
        assert server.url == f"http://{printed}:{url.port}"
        assert httpx.get(f"{server.url}/livez").status_code == 200
        assert url.port is not None
        assert [address for address in reachable if not accepts(address, url.port)] == []


def test_a_host_with_several_addresses_is_served_on_all_of_them() -> None:
    addresses = [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET, ("127.0.0.2", 0))]
    absent = (socket.AF_INET, ("203.0.113.1", 0))  # of a documentation's network: no machine has it
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in bind([*addresses, absent])]
        names = [each.getsockname() for each in sockets]
    assert [name[0] for name in names] == ["127.0.0.1", "127.0.0.2"]
    assert names[0][1] == names[1][1]


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host", "a" * 70])
def test_a_host_of_another_machine_is_refused_in_one_sentence(sqlite_url: str, host: str) -> None:
    done = run(sqlite_url, "serve", "--port", "0", "--host", host)
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr).startswith(f"Port 0 of {host} is not available: ")


def test_an_address_with_a_scope_can_be_written_as_a_url() -> None:
    assert local_url("fe80::1%eth0", 8000) == "http://[fe80::1%25eth0]:8000"


def test_an_idle_connection_stays_open_for_the_configured_time(sqlite_url: str) -> None:
    with serving(sqlite_url, {}, keep_alive_s=1) as server, Wire(server) as wire:
        wire.say(b"GET /livez HTTP/1.1\r\nHost: leadscore.test\r\n\r\n")
        assert wire.answer()[0] == 200
        assert wire.is_closed()


def test_invalid_settings_are_named() -> None:
    wrong = {"port": "70000", "pool_size": "many", "log_level": "x", "form_redirects": "https://a.example,b.example"}
    wrong["phone_region"] = "UK"
    variables = environment("mysql://x", **wrong)
    done = subprocess.run([COMMAND, "serve"], env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert sorted(done.stderr.splitlines()) == [
        "LEADSCORE_DATABASE_URL: must begin with sqlite:// or postgresql://",
        "LEADSCORE_FORM_REDIRECTS: must be an origin, such as https://www.example.com",
        "LEADSCORE_LOG_LEVEL: must be 'debug', 'info', 'warning' or 'error'",
        "LEADSCORE_PHONE_REGION: must be a two-letter ISO country code, such as DE or GB",
        "LEADSCORE_POOL_SIZE: must be a whole number, in digits alone",
        "LEADSCORE_PORT: must be 65,535 or less",
    ]


def test_a_misspelt_setting_is_reported_and_other_variables_are_ignored(sqlite_url: str) -> None:
    others = {
        "api_url": "https://leads.example.com",
        "write_key": "ls_write_x",
        "db_port": "tcp://10.0.0.1:1",
        "database_user": "x",
    }
    variables = environment(sqlite_url, databse_url="x", **others)
    done = subprocess.run([COMMAND, "serve"], env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    meant = "LEADSCORE_DATABSE_URL: is no setting; did you mean LEADSCORE_DATABASE_URL?"
    assert one_sentence(done.stderr) == meant


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/x.db", "postgresql://nobody@127.0.0.1:9/none"])
def test_an_unreachable_database_is_reported_in_one_sentence(url: str) -> None:
    done = run(url, "serve", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert " database" in one_sentence(done.stderr)


def test_the_reason_why_a_database_is_unusable_is_reported(postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is text, and long enough to be looked at. " * 100)
    reasons = {
        str(make_url(postgres_url).set(database="nosuch").render_as_string(False)): 'database "nosuch" does not exist',
        f"sqlite:///{tmp_path}/text.db": "file is not a database",
        f"sqlite:///{tmp_path}": f"The database {tmp_path} is a folder: name a file, such as {tmp_path}/leadscore.db.",
    }
    for url, reason in reasons.items():
        assert reason in one_sentence(run(url, "keys", "list").stderr)


def test_a_port_in_use_is_reported_in_one_sentence(sqlite_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(sqlite_url, "serve", "--port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert one_sentence(done.stderr).startswith(f"Port {port} of 127.0.0.1 is not available: Address already in use")


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://u@localhost:port/x", "postgresql://u:1?2@h/x"],
)
def test_an_unusable_url_is_reported_in_one_sentence(url: str) -> None:
    assert one_sentence(run(url, "keys", "list").stderr).startswith("LEADSCORE_DATABASE_URL: ")


def test_the_allowed_url_options_are_the_drivers() -> None:
    taken = inspect.signature(asyncpg.connect).parameters.keys()
    assert set(POSTGRES_OPTIONS) - taken == {"sslmode"}  # which is handed on as `ssl`


@pytest.mark.parametrize(
    ("url", "known"),
    [("postgresql://u@h/x?sslmode=require&channel_binding=x", "host, port, "), ("sqlite:///x?a=1", "none")],
)
def test_an_unknown_url_option_is_reported_in_one_sentence(url: str, known: str) -> None:
    told = one_sentence(run(url, "keys", "list").stderr)
    assert re.match(rf"LEADSCORE_DATABASE_URL: has the option (channel_binding|a): leave it out \(.*: {known}", told)


def test_errors_that_are_not_the_databases_are_not_attributed_to_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise Unavailable("Other writers kept coming first. Send the same request again.")

    monkeypatch.setattr(cli, "cli", refuse)
    with pytest.raises(SystemExit):
        cli.main()
    assert one_sentence(capsys.readouterr().err) == "Other writers kept coming first. Send the same request again."
