"""Warnings about a proposal that is given all the same."""

from collections.abc import Iterator, Sequence

from app.insight.accuracy import Accuracy, newest_rows
from app.insight.arrays import Flags
from app.insight.candidates import Study
from app.insight.histories import History, late_share, was_imported
from app.insight.leaks import dominant_rules
from app.insight.points import PointRule, Scorecard
from app.insight.rates import rate
from app.insight.snapshots import Snapshots

FEW_LEADS = 200
WORSE = 0.05


def cautions(histories: Sequence[History], study: Study, card: Scorecard, accuracy: Accuracy) -> Iterator[str]:
    yield from _few(study.snapshots)
    if accuracy.newest is not None and accuracy.held_out.value - accuracy.newest >= WORSE:
        yield (
            f"On the newest leads the AUC is {accuracy.newest:.2f}, below the {accuracy.held_out.value:.2f} of all: "
            "what predicts the outcome may have changed."
        )
    yield from _drift(study.snapshots.had_outcome, newest_rows(study))
    for rule, alone in dominant_rules(card, study):
        yield f"{_title(rule)} alone has an AUC of {alone:.2f}: check that it is not recorded because of the outcome."
    yield from _late(histories)


def _few(snapshots: Snapshots) -> Iterator[str]:
    fewest = min(snapshots.leads_with_outcome(), snapshots.leads_without_outcome())
    if fewest < FEW_LEADS:
        yield f"Only {fewest} leads had the outcome, or didn't have it: with fewer than {FEW_LEADS}, points vary a lot."


def _drift(had_outcome: Flags, newest: Flags) -> Iterator[str]:
    """A warning if the intervals of the base rates of the older and the newest snapshots don't overlap."""
    before, after = rate(had_outcome[~newest]), rate(had_outcome[newest])
    if before.low > after.high or after.low > before.high:
        yield f"The share with the outcome went from {before.value:.0%} to {after.value:.0%} in the newest snapshots."


def _late(histories: Sequence[History]) -> Iterator[str]:
    if was_imported(histories):
        yield (
            f"{late_share(histories):.0%} of the events arrived a day or more after they happened, as imported ones "
            "do. They count from when they happened, although nobody could have known them then."
        )


def _title(rule: PointRule) -> str:
    return " ".join(f"{name} {value}" for name, value in rule.candidate.fields(rule.points).items())
