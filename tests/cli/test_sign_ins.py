"""`leadscore sign-in`: a link for one browser."""

import re
from collections.abc import Callable

import pytest

from app.cli import main

LINK = re.compile(r"http://127\.0\.0\.1:8000/ui/sign-in/[\w-]{43}\n")


def run(monkeypatch: pytest.MonkeyPatch, url: str, *options: str) -> None:
    monkeypatch.setenv("LEADSCORE_DATABASE_URL", url)
    monkeypatch.setattr("sys.argv", ["leadscore", "sign-in", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_it_prints_the_link_alone_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sqlite_url: str
) -> None:
    run(monkeypatch, sqlite_url)
    assert LINK.fullmatch(capsys.readouterr().out)


def test_the_link_leads_to_where_browsers_reach_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sqlite_url: str
) -> None:
    run(monkeypatch, sqlite_url, "--url", "https://leads.example.com/x/", "--kind", "read", "--user", "Ada")
    assert capsys.readouterr().out.startswith("https://leads.example.com/x/ui/sign-in/")


@pytest.mark.parametrize("user", ["", " ", "x" * 201])
def test_a_user_needs_a_name(say: Callable[..., str], user: str) -> None:
    assert "--user" in say("sign-in", "--user", user)


def test_there_is_nothing_to_sign_in_to_without_a_screen(
    monkeypatch: pytest.MonkeyPatch, say: Callable[..., str]
) -> None:
    monkeypatch.setenv("LEADSCORE_SCREEN", "off")
    assert "LEADSCORE_SCREEN is off" in say("sign-in")
