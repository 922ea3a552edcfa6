"""Numerical work in one thread: with more, sums are added in another order each time, and no result can be repeated."""

from collections.abc import Iterator
from contextlib import contextmanager

from sklearn import config_context
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Also spares scikit-learn checking again, in hundreds of small fits, that arrays are finite."""
    with threadpool_limits(limits=1), config_context(assume_finite=True, skip_parameter_validation=True):
        yield
