"""`leadscore report …`: tables with bars, CSV and JSON."""

import json
from pathlib import Path

import pytest

from tests.api.server import run
from tests.cli.harness import line

SEEN = ("--from", "2026-01-01", "--to", "2026-01-31")


@pytest.fixture
def filled(sqlite_url: str, tmp_path: Path) -> str:
    """A database with a visitor who came by an advertisement, and one who bought."""
    url = "https://www.example.com/pricing?utm_source=%1B[31mgoogle&utm_medium=cpc"
    viewed = {"context": {"page": {"path": "/pricing", "url": url}}, "event": "Page Viewed"}
    history = [line(userId="u1", **viewed), line(userId="u2"), line(userId="u2", event="Order Completed")]
    file = tmp_path / "history.jsonl"
    file.write_text("\n".join(history))
    assert run(sqlite_url, "import", str(file)).returncode == 0
    return sqlite_url


def test_a_funnel_has_a_bar_for_each_stage(filled: str) -> None:
    shown = run(filled, "report", "funnel", *SEEN)
    assert shown.returncode == 0, shown.stderr
    heading, names, *stages = shown.stdout.splitlines()
    assert heading == "all leads: 2 leads, 1 won, 0 lost"
    assert " ".join(names.split()) == "reached of previous of all now lost ground days from previous"
    assert stages[0].split() == ["Visitor", "█" * 24, "2", "-", "100.0%", "1", "0", "-"]
    assert stages[5].split() == ["Customer", "█" * 12, "1", "100.0%", "50.0%", "1", "0", "-"]
    assert len(stages) == 7


def test_groups_follow_the_total(filled: str) -> None:
    shown = run(filled, "report", "funnel", *SEEN, "--by", "source", "--limit", "1").stdout
    headings = [each for each in shown.splitlines() if "won" in each]
    assert headings == [
        "all leads: 2 leads, 1 won, 0 lost",
        "no source: 1 lead, 1 won, 0 lost",
        "all others: 1 lead, 0 won, 0 lost",
    ]


def test_sources_show_the_interval_of_each_share(filled: str) -> None:
    _, nothing, source, total = run(filled, "report", "sources", *SEEN, "--by", "source").stdout.splitlines()
    assert nothing.endswith("1  1 (20.6 to 100.0 %)  1 (20.6 to 100.0 %)  1 (20.6 to 100.0 %)")
    assert total.startswith("all visitors")
    assert "\x1b" not in source
    assert "google" in source


def test_a_signal_over_time_has_a_bar_for_each_week(filled: str) -> None:
    shown = run(filled, "report", "signal", "pricing_viewed", *SEEN).stdout.splitlines()
    assert shown[0].split() == ["week", "people", "hits"]
    assert shown[1].split() == ["2025-12-29", "█" * 24, "1", "1"]
    assert shown[2].split() == ["2026-01-05", "0", "0"]


@pytest.mark.parametrize("report", [["funnel"], ["sources"], ["signal", "pricing_viewed"]], ids=lambda names: names[0])
def test_reports_are_also_data(filled: str, report: list[str]) -> None:
    document = json.loads(run(filled, "report", *report, *SEEN, "--json").stdout)
    assert (document["from"], document["to"]) == ("2026-01-01", "2026-01-31")
    header, first, *_ = run(filled, "report", *report, *SEEN, "--csv").stdout.splitlines()
    assert header.count(",") == first.count(",") > 0


def test_wrong_options_are_explained(filled: str) -> None:
    for options, sentence in {
        ("signal", "pricing_view"): "signal: unknown signal; did you mean pricing_viewed?",
        ("funnel", "--from", "2026-02-01", "--to", "2026-01-01"): "`from` must not be after `to`",
    }.items():
        done = run(filled, "report", *options)
        assert (done.returncode, done.stdout) == (1, "")
        assert sentence in done.stderr
