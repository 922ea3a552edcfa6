"""`leadscore keys …`: a key is made, shown once, listed by its beginning and revoked."""

import re

from tests.api.server import run, serving
from tests.cli.harness import one_sentence


def test_a_key_is_printed_listed_by_its_beginning_and_revoked(sqlite_url: str) -> None:
    made = run(sqlite_url, "keys", "create", "--kind", "read", "--name", "crm")
    secret = one_sentence(made.stdout)
    assert re.fullmatch(r"ls_read_[\w-]{43}", secret)
    listed = run(sqlite_url, "keys", "list").stdout
    [line] = [line for line in listed.splitlines() if line.endswith(" crm")]
    key_id, _, hint, *_ = line.split()
    assert secret.startswith(hint)
    assert secret not in listed
    assert run(sqlite_url, "keys", "revoke", key_id).stdout == "Revoked.\n"
    assert re.search(r"\d\d:\d\d .*\d\d:\d\d +crm$", run(sqlite_url, "keys", "list").stdout, re.MULTILINE)


def test_a_created_key_works(sqlite_url: str) -> None:
    secret = run(sqlite_url, "keys", "create", "--kind", "read", "--name", "crm").stdout.strip()
    with serving(sqlite_url) as server:
        server.keys["read"] = secret
        assert server.ask("/v1/leads")["data"] == []


def test_a_rotated_key_prints_a_new_secret_and_the_old_one_goes_on_working(sqlite_url: str) -> None:
    options = ("--kind", "read", "--name", "crm", "--expires-after-days", "30")
    old = run(sqlite_url, "keys", "create", *options).stdout.strip()
    [key_id] = re.findall(r"^(\S{36})  read", run(sqlite_url, "keys", "list").stdout, re.MULTILINE)
    new = run(sqlite_url, "keys", "rotate", key_id, "--overlap-hours", "1").stdout.strip()
    assert new != old
    with serving(sqlite_url) as server:
        for secret in (old, new):
            server.keys["read"] = secret
            assert server.ask("/v1/me")["name"] == "crm"


def test_a_keys_map_of_fields_to_traits_is_listed(sqlite_url: str) -> None:
    mapped = ("--map", "Ihre Firma=company", "--map", "Umsatz = Gewinn?=revenue")
    run(sqlite_url, "keys", "create", "--kind", "write", "--name", "site", *mapped)
    listed = run(sqlite_url, "keys", "list").stdout
    assert "site  (maps Ihre Firma=company, Umsatz = Gewinn?=revenue)\n" in listed


WRONG_MAPS = {
    ("write", "Firma"): '--map: `Firma` must be FIELD=TRAIT, such as "Ihre Firma=company"',
    ("write", "=company"): '--map: `=company` must be FIELD=TRAIT, such as "Ihre Firma=company"',
    ("write", "Firma="): '--map: `Firma=` must be FIELD=TRAIT, such as "Ihre Firma=company"',
    ("write", "Firma=company", "Firma=employer"): "--map: `Firma` is mapped twice",
    (
        "write",
        "Firma=company",
        "FIRMA=employer",
    ): "--map: maps a field twice: case, hyphens and surrounding spaces are ignored",
    (
        "write",
        "password=secret",
    ): "--map: maps a field that controls the form, or one that is never stored, such as a password",
    (
        "read",
        "Firma=company",
    ): "the options: only write and server keys can have a `--map`, because no other key sends forms",
}


def test_an_invalid_map_is_explained(sqlite_url: str) -> None:
    for (kind, *pairs), sentence in WRONG_MAPS.items():
        options = [option for pair in pairs for option in ("--map", pair)]
        done = run(sqlite_url, "keys", "create", "--kind", kind, "--name", "n", *options)
        assert (done.returncode, done.stdout, one_sentence(done.stderr)) == (1, "", sentence)


WRONG_KEYS = [
    ("create", "--kind", "read", "--name", "n" * 101),
    ("create", "--kind", "read", "--name", "n", "--origin", "https://x.test"),
    ("create", "--kind", "write", "--name", "n", "--origin", "x.test"),
    ("create", "--kind", "write", "--name", "n", "--origin", "https://x.test/pages"),
    ("revoke", "01a20046-d29c-70d3-8b90-74ffe558f263"),
]


def test_invalid_keys_are_refused_without_a_traceback(sqlite_url: str) -> None:
    said = [run(sqlite_url, "keys", *arguments) for arguments in WRONG_KEYS]
    assert [done.returncode > 0 for done in said] == [True] * len(WRONG_KEYS)
    assert [done.stdout for done in said] == [""] * len(WRONG_KEYS)
    assert [one_sentence(done.stderr) for done in said[:4]] == [
        "--name: must have 100 or fewer characters",
        "the options: only write keys can have `--origin` and `--event`",
        "--origin: must be an origin, such as https://www.example.com",
        "--origin: must be an origin without a path, such as https://www.example.com",
    ]
    assert [done.stderr for done in said if "Traceback" in done.stderr] == []
