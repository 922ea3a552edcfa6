"""What other methods reach on the same held-out rows: logistic regression and gradient boosting on raw columns."""

from collections.abc import Iterator
from heapq import nlargest
from typing import Protocol, Self

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from app.insight import fields
from app.insight.arrays import Flags, Floats, Ints
from app.insight.candidates import MIN_SUPPORT, Study
from app.insight.log import FieldColumn
from app.insight.measures import SEED, mean_auc
from app.insight.signals import signal_name
from app.insight.traits import commonest_levels
from app.scoring.document import Signal

RECENT_DAYS = 30
MAX_FIELDS = 300
"""So many events and so many traits at most, the commonest: their columns are in memory together."""


class Classifier(Protocol):
    """The part of scikit-learn's classifiers that is used here."""

    def fit(self, columns: Floats, had_outcome: Flags) -> Self: ...

    def predict_proba(self, columns: Floats) -> Floats: ...


def logistic_regression() -> Classifier:
    classifier: Classifier = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=1000)
    )
    return classifier


def boosting() -> Classifier:
    classifier: Classifier = HistGradientBoostingClassifier(learning_rate=0.05, max_iter=100, random_state=SEED)
    return classifier


def held_out_auc(classifier: Classifier, study: Study, folds: Ints) -> float:
    columns, had_outcome = raw_columns(study), study.snapshots.had_outcome
    predicted = np.zeros(len(study))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        predicted[test] = classifier.fit(columns[train], had_outcome[train]).predict_proba(columns[test])[:, 1]
    return mean_auc(predicted, had_outcome, folds)


def raw_columns(study: Study) -> Floats:
    """The hits of each event, ever and in the last 30 days, the days since the last event, and the traits."""
    return np.column_stack([study.days_since_last, *_event_columns(study), *_trait_columns(study)]).astype(np.float64)


def _event_columns(study: Study) -> Iterator[Floats]:
    common = nlargest(MAX_FIELDS, study.catalog.log, key=lambda key: len(study.catalog.log[key].events))
    for key, group in study.catalog.log.items():
        if key not in study.excluded_events and key in common:
            signal = study.catalog.add(signal_name(group.name), Signal.model_validate({"on": group.name}))
            for within_days in (None, RECENT_DAYS):
                yield study.catalog.counts(signal, within_days, None).astype(np.float64)


def _trait_columns(study: Study) -> Iterator[Floats]:
    common = nlargest(MAX_FIELDS, study.traits.columns, key=lambda path: len(study.traits.columns[path].rows))
    for path, column in study.traits.columns.items():
        if path in study.excluded_traits or path not in common or not fields.is_candidate_name(path):
            continue
        if fields.is_numeric(column.values):
            yield _numbers(column)
        elif not fields.looks_like_id(column.values, column.codes):
            for level in commonest_levels(column, column.codes, MIN_SUPPORT):
                yield study.traits.holds({"trait": path, "in": [level]}).astype(np.float64)


def _numbers(column: FieldColumn) -> Floats:
    return np.array([*fields.numbers(column.values), np.nan])[column.codes]  # the code -1 takes the last
