"""Candidates: the strongest are kept."""

import numpy as np
import pytest

from app.insight.candidates import COMPLEXITY, extras, pool
from app.insight.questions import Wishes
from app.insight.studies import prepare
from tests.insight.world import QUESTION, market


def test_the_candidates_that_correlate_most_are_kept_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    study, _ = prepare(market(), QUESTION, Wishes())
    training = np.ones(len(study), dtype=np.bool_)
    everything = pool(study, training)
    monkeypatch.setattr("app.insight.candidates.MAX_CELLS", 0)
    monkeypatch.setattr("app.insight.candidates.MIN_CANDIDATES", 10)
    kept = pool(study, training).candidates
    strengths = {
        each: COMPLEXITY ** -extras(each, study.catalog) * abs(np.corrcoef(column, study.snapshots.had_outcome)[0, 1])
        for each, column in zip(everything.candidates, everything.columns, strict=True)
    }
    assert len(kept) == 10 < len(strengths)
    assert list(kept) == [each for each in everything.candidates if each in kept]
    others = strengths.keys() - set(kept)
    assert min(strengths[each] for each in kept) >= max(strengths[each] for each in others) - 1e-9
