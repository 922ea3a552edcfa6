"""From coefficients to whole points, and from rules to their names."""

import numpy as np
import pytest

from app.insight.candidates import Frequency, Inactivity, PerHit, Pool, TraitAtLeast, TraitIn
from app.insight.document import named_rules
from app.insight.path import Step
from app.insight.points import PER_LOG_ODDS, PointRule, calibration, merged_levels, whole_points
from app.insight.signals import SignalCatalog, first_segment, rounded_quantiles, signal_name, unique_name
from app.insight.snapshots import Snapshots
from app.scoring.document import Signal

RANDOM = np.random.default_rng(5)
ROWS = 4_000
NOBODY = Snapshots(np.arange(0), np.arange(0), np.array([], dtype=np.bool_))
CATALOG = SignalCatalog({}, NOBODY)
USED = CATALOG.add("used", Signal.model_validate({"on": "Feature Used"}))
USED_LONG = CATALOG.add(
    "used_long", Signal.model_validate({"on": "Feature Used", "where": {"property": "minutes", "gte": 30}})
)
SEEN = CATALOG.add("seen", Signal.model_validate({"on": "Page Viewed"}))


def outcomes(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(RANDOM.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds)))


def test_ten_points_double_the_odds() -> None:
    assert pytest.approx(np.log(2)) == 10 / PER_LOG_ODDS


def test_points_make_up_for_what_the_penalty_took() -> None:
    flags = [RANDOM.random(ROWS) < 0.5, RANDOM.random(ROWS) < 0.3]
    had = outcomes(np.log(4) * flags[0] + np.log(2) * flags[1] - 1)
    pool = Pool([Inactivity(7), Inactivity(30)], flags, [1, 1])
    shrunk = Step(1.0, np.array([np.log(4), np.log(2)]) / 3)
    points = [rule.points for rule in whole_points(shrunk, pool, CATALOG, had)]
    assert points == pytest.approx([20, 10], abs=3)
    assert points[0] == pytest.approx(2 * points[1], abs=1)


def test_rules_without_points_are_dropped() -> None:
    flags = [RANDOM.random(ROWS) < 0.5, RANDOM.random(ROWS) < 0.3]
    step = Step(1.0, np.array([1.0, 0.001]))
    rules = whole_points(step, Pool([Inactivity(7), Inactivity(30)], flags, [1, 1]), CATALOG, outcomes(1.0 * flags[0]))
    assert [rule.candidate for rule in rules] == [Inactivity(7)]


def test_of_one_event_only_the_weightiest_rule_gives_points_for_each_hit() -> None:
    counts = [RANDOM.poisson(2, ROWS).astype(np.uint8) for _ in range(3)]
    candidates = [PerHit(USED, 20, None, None), PerHit(USED_LONG, 20, None, None), PerHit(SEEN, 20, None, None)]
    had = outcomes(0.2 * counts[0] + 0.5 * counts[1] + 0.3 * counts[2] - 2)
    rules = whole_points(Step(100.0, np.array([0.2, 0.5, 0.3])), Pool(candidates, counts, [1, 1, 1]), CATALOG, had)
    assert [rule.candidate for rule in rules] == candidates[1:]


def test_without_coefficients_there_are_no_rules() -> None:
    pool = Pool([Inactivity(7)], [RANDOM.random(ROWS) < 0.5], [1])
    assert whole_points(Step(1.0, np.zeros(1)), pool, CATALOG, outcomes(np.zeros(ROWS))) == []


def test_levels_with_equal_points_become_one_rule() -> None:
    rules = [
        PointRule(TraitIn("country", ("de",)), 5),
        PointRule(TraitIn("country", ("us",)), -3),
        PointRule(TraitIn("country", ("fr",)), 5),
        PointRule(TraitIn("role", ("cto",)), 5),
    ]
    assert merged_levels(rules) == [
        PointRule(TraitIn("country", ("de", "fr")), 5),
        PointRule(TraitIn("country", ("us",)), -3),
        PointRule(TraitIn("role", ("cto",)), 5),
    ]


def test_calibration_finds_intercept_and_slope() -> None:
    scores = RANDOM.normal(0, 20, 40_000)
    assert calibration(scores, outcomes(0.05 * scores - 1)) == pytest.approx((-1, 0.05), rel=0.1)


@pytest.mark.parametrize(
    ("candidate", "name"),
    [
        (Frequency(USED, 1, None, None), "used"),
        (Frequency(USED, 3, 7, None), "used_3_in_7_days"),
        (Frequency(USED, 3, None, 1), "used_3_days"),
        (PerHit(USED, 5, None, None), "used_each"),
        (PerHit(USED, 5, 30, 1), "used_each_day_in_30_days"),
        (Inactivity(14), "inactive_for_14_days"),
        (TraitAtLeast("company.size", 50), "company_size_at_least_50"),
        (TraitIn("country", ("de", "fr")), "country_de_fr"),
    ],
)
def test_rules_are_named_for_what_they_test(candidate: Frequency, name: str) -> None:
    assert list(named_rules([PointRule(candidate, 5)])) == [name]


def test_equal_names_are_numbered_and_the_weightiest_rule_comes_first() -> None:
    rules = [PointRule(PerHit(USED, 3, None, None), 4), PointRule(PerHit(USED, 5, None, None), -9)]
    assert {name: rule.points for name, rule in named_rules(rules).items()} == {"used_each": -9, "used_each_2": 4}
    assert unique_name("a", ["a", "a_2"]) == "a_3"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["Page Viewed", "", "", "/pricing"], "page_viewed_pricing"),
        (["Größe"], "grosse"),
        (["價格"], "signal"),
        (["3D"], "signal_3d"),
    ],
)
def test_names_follow_the_rules_of_the_language(words: list[str], name: str) -> None:
    assert signal_name(*words) == name


@pytest.mark.parametrize(
    ("path", "segment"),
    [("/pricing", "/pricing"), ("/pricing/teams?a=b", "/pricing"), ("/docs#top", "/docs"), ("/", ""), ("about", "")],
)
def test_pages_are_grouped_by_the_first_segment_of_their_path(path: str, segment: str) -> None:
    assert first_segment(path) == segment


def test_thresholds_have_two_digits_and_lie_above_the_least_value() -> None:
    assert rounded_quantiles(np.array([0.0] * 60 + list(range(100, 140)))) == [110, 130]
    assert rounded_quantiles(np.array([])) == []
