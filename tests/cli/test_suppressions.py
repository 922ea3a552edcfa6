"""`leadscore suppressions …`: identities are added, listed without being shown, and removed by id or identity."""

from collections.abc import Callable

import pytest

ADA = "email:ada@example.com"


def test_without_a_secret_nobody_is_suppressed(run: Callable[..., str]) -> None:
    assert "LEADSCORE_SUPPRESSION_SECRET" in run("suppressions", "add", ADA)


def test_identities_are_added_listed_and_removed(run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADSCORE_SUPPRESSION_SECRET", "0123456789abcdef" * 2)
    assert run("suppressions", "add", ADA, "user_id:u1") == "2 identities are suppressed.\n"
    assert run("suppressions", "add", ADA) == "1 identity is suppressed.\n"
    rows = run("suppressions", "list").splitlines()[1:]
    assert [row.split()[0] for row in rows] == ["2", "1"]
    assert all(row.endswith("effective") for row in rows)
    assert run("suppressions", "remove", ADA) == "Removed.\n"
    [left] = run("suppressions", "list").splitlines()[1:]
    assert run("suppressions", "remove", left.split()[0]) == "Removed.\n"
    assert run("suppressions", "remove", ADA).startswith("There is no such suppression")


def test_those_of_another_secret_are_listed_as_without_effect(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADSCORE_SUPPRESSION_SECRET", "0123456789abcdef" * 2)
    run("suppressions", "add", ADA)
    monkeypatch.setenv("LEADSCORE_SUPPRESSION_SECRET", "another secret" * 3)
    assert "without effect" in run("suppressions", "list")
