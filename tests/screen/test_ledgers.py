"""A score's ledger as it is shown: folded, with caps after what they cap, and to the cent the same sum."""

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.documents.leads import LedgerLine
from app.screen.charts import Scale
from app.screen.labels import ScoreLook
from app.screen.ledgers import Entry, ledger_of

TODAY = date(2026, 11, 28)
LOOK = ScoreLook("engagement", "Engagement", "sc1", Scale(0, 100), {}, {"trial": "Started a trial"})
GROUPS = {"pages": "content", "blog": "content", "articles": "content"}


def line(rule: str, points: float, **more: Any) -> LedgerLine:
    known = {"title": rule, "signal": rule, "hits": 1, "last_hit_on": TODAY, "kind": "rule"}
    return LedgerLine(rule=rule, points=points, **known | more)


def cap(rule: str, points: float, kind: str) -> LedgerLine:
    return line(rule, points, signal=None, hits=0, last_hit_on=None, kind=kind)


LINES = [
    line("pages", 0.5),
    line("blog", 0.75),
    line("articles", 24, hits=8),
    line("trial", 15),
    line("downloads", 40, hits=4),
    cap("downloads", -15, "rule_cap"),
    line("likes", 0.25),
    cap("content", -5.25, "group_cap"),
    cap("engagement", -0.25, "score_limit"),
]


def shown(*, fold: bool = True) -> list[Entry]:
    return list(ledger_of(LINES, GROUPS, LOOK, [], TODAY, fold=fold).entries)


def test_small_lines_of_a_group_are_one_entry_and_caps_follow_what_they_cap() -> None:
    assert shown() == [
        Entry("rule", "Downloads", "4 hits, last 28 Nov", 40),
        Entry("cap", "Downloads: limit", "rule", -15),
        Entry("rule", "Started a trial", "once, 28 Nov", 15),
        Entry("rule", "Likes", "once, 28 Nov", 0.25),
        Entry("rule", "Articles", "8 hits, last 28 Nov", 24),
        Entry("fold", "Other content", "2 small lines", 1.25),
        Entry("cap", "Content: limit", "group content", -5.25),
        Entry("cap", "Engagement: limit", "score", -0.25),
    ]


def test_all_lines_can_be_shown() -> None:
    ledger = ledger_of(LINES, GROUPS, LOOK, [], TODAY, fold=False)
    assert (len(ledger.entries), ledger.folded) == (len(LINES), 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.decimals(-50, 50, places=2)),
        max_size=8,
        unique_by=lambda pair: pair[0],
    )
)
def test_folding_and_sorting_never_change_the_sum(pairs: list[tuple[str, Decimal]]) -> None:
    lines = [line(rule, float(points)) for rule, points in pairs]
    groups = {rule: "even" if ord(rule) % 2 else "odd" for rule, _ in pairs}
    for fold in (True, False):
        ledger = ledger_of(lines, groups, LOOK, [40], TODAY, fold=fold)
        assert Decimal(str(ledger.chart.total)) == sum((points for _, points in pairs), Decimal(0))
        assert len(ledger.chart.bars) == len(ledger.entries) == len(lines) - ledger.folded
