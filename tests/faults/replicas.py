"""Faults of leadscore's own processes: one of several ends. The others go on, so nothing needs to be healed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.site import Site


@contextmanager
def killed(site: Site) -> Iterator[None]:
    """As by a machine that loses its power."""
    site.servers[0].kill()
    yield


@contextmanager
def stopped(site: Site) -> Iterator[None]:
    """As by an orchestrator: SIGTERM, after which what has been accepted is finished."""
    assert site.servers[0].stop() == -signal.SIGTERM  # uvicorn raises the signal again once all is done
    yield
