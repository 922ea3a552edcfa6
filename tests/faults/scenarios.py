"""Every fault, and how it is run: messages come in before, during and after it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

from tests import databases
from tests.faults import lead_rows, postgres, replicas, sqlite
from tests.faults.load import Load
from tests.faults.outcome import Outcome, outcome_of, state_of
from tests.faults.site import Site, on_postgres, on_small_disk, on_sqlite

ACKNOWLEDGED_IN_S = 120
NOTICED_IN_S = 40
"""How long an outage may go unnoticed by clients: an answer takes 30 seconds at most, a connection 5."""


class Stuck(Exception):
    """What had to come about did not."""


@dataclass(frozen=True, slots=True)
class Form:
    """How long a run is: messages before and after a fault, refusals during an outage, and seconds of a delay."""

    messages: int
    refusals: int
    delay_s: float


SHORT = Form(messages=30, refusals=8, delay_s=1.5)
LONG = Form(messages=500, refusals=100, delay_s=12)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault, where it happens, and how long it lasts: until clients notice it, for a while, or for no time at all."""

    name: str
    site: Callable[[int], AbstractContextManager[Site]]
    fault: Callable[[Site], AbstractContextManager[None]]
    replicas: int = 1
    lasts: Literal["until noticed", "a while", "no time"] = "until noticed"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Run:
    """The outcome, and the log of each replica."""

    outcome: Outcome
    logs: Sequence[str] = field(repr=False)


DAMAGED_LEAD = Scenario("a lead that can't be evaluated", on_postgres, lead_rows.damaged, lasts="no time")

SCENARIOS = [
    Scenario("PostgreSQL killed", on_postgres, postgres.killed),
    Scenario("PostgreSQL restarted", on_postgres, postgres.restarted),
    Scenario("PostgreSQL read-only", on_postgres, postgres.read_only),
    Scenario("PostgreSQL's connections exhausted", on_postgres, postgres.exhausted),
    Scenario("PostgreSQL frozen", on_postgres, postgres.frozen, lasts="a while"),
    Scenario("PostgreSQL's table locked", on_postgres, postgres.locked, lasts="a while"),
    Scenario("SQLite's file locked", on_sqlite, sqlite.locked, lasts="a while"),
    Scenario("disk full", on_small_disk, sqlite.full),
    Scenario("one of two replicas killed", on_postgres, replicas.killed, replicas=2, lasts="no time"),
    Scenario("one of four replicas killed", on_postgres, replicas.killed, replicas=4, lasts="no time"),
    Scenario("one of two replicas stopped", on_postgres, replicas.stopped, replicas=2, lasts="no time"),
    DAMAGED_LEAD,
]


def run(scenario: Scenario, form: Form) -> Run:
    """Bring the fault about under load, heal it, and look at what it did. Raises `NotPossible` or `Stuck`."""
    with scenario.site(scenario.replicas) as site:
        load = Load(site.servers)
        with load.running():
            _await_acknowledgements(load, form)
            with scenario.fault(site):
                _last(scenario, load, form)
            healed_at = monotonic()
            _await_acknowledgements(load, form)
        state = databases.run(state_of(site.database_url))
        return Run(outcome_of(load.answers, state, healed_at), [server.log for server in site.servers])


def _await_acknowledgements(load: Load, form: Form) -> None:
    target = load.acknowledged + form.messages
    if not load.wait(lambda: load.acknowledged >= target, ACKNOWLEDGED_IN_S):
        raise Stuck("too few messages are acknowledged")


def _last(scenario: Scenario, load: Load, form: Form) -> None:
    enough = load.refused + form.refusals
    if scenario.lasts == "until noticed":
        if not load.wait(lambda: load.refused >= enough, NOTICED_IN_S):
            raise Stuck("clients don't notice the fault")
    elif scenario.lasts == "a while":
        load.wait(lambda: load.refused >= enough, form.delay_s)
