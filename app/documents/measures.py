"""What reports measure: intervals, counts, tenths.

All documents of reports are read from attributes, so that importing them does not load NumPy.
"""

from math import isnan
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Measured(BaseModel):
    model_config = ConfigDict(from_attributes=True)


def _null_if_nan(value: float | None) -> float | None:
    return None if value is None or isnan(value) else value


class IntervalDocument(Measured):
    """A measured value with its 95 % interval. The value is null if there was nothing to measure it on."""

    value: Annotated[float | None, BeforeValidator(_null_if_nan)]
    low: float
    high: float


class CountedDocument(Measured):
    """What was measured. `base_rate` is the share of snapshots with the outcome."""

    leads: int
    leads_with_outcome: int
    snapshots: int
    base_rate: float


class TenthDocument(Measured):
    """A tenth of the snapshots, from the highest scores down. `lift`: its share with the outcome, over that of all."""

    rows: int
    mean: float
    had: IntervalDocument
    lift: float


class ReachedDocument(Measured):
    """The snapshots at or above a threshold: their share, and their share with the outcome (precision).

    `recall` is the share of all outcomes that they have.
    """

    rows: int
    share: float
    precision: IntervalDocument
    recall: float
