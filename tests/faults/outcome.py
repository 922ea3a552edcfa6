"""What a fault did: to the messages that were sent meanwhile, and to the state that they left behind."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from sqlalchemy import func, select

from app.scoring.engine import CompiledModel
from app.services.models import ActiveModels, active_version
from app.storage.db import Database
from app.storage.tables import events, leads
from tests.faults.load import Answer
from tests.services.rebuild import EvaluatedBy, Person, broken_chains, event_log, rebuilt, stored


@dataclass(frozen=True, slots=True)
class State:
    """What is stored: the ids of the messages, how often the leads count them, and whether a rebuild gives the same."""

    message_ids: frozenset[str]
    counted: int
    is_rebuilt: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """`refused`: attempts without an acknowledgement, by status. `unclear`: refusals that no client can act upon.

    `doubled`: messages that are counted once too often. `recovered_s`: from the fault's end to the next
    acknowledgement. `worst_s`: the longest that a client waited for an answer.
    """

    acknowledged: int
    refused: dict[str, int]
    unclear: int
    unfinished: int
    lost: int
    doubled: int
    is_rebuilt: bool
    recovered_s: float
    worst_s: float

    @property
    def is_harmless(self) -> bool:
        """Whether nothing was lost or counted twice, and clients heard when to come back."""
        return self.is_rebuilt and (self.unclear, self.unfinished, self.lost, self.doubled) == (0, 0, 0, 0)


def outcome_of(answers: Sequence[Answer], state: State, healed_at: float) -> Outcome:
    acknowledged = {answer.message_id for answer in answers if answer.is_acknowledgement}
    refusals = [answer for answer in answers if not answer.is_acknowledgement]
    after = [answer.ended - healed_at for answer in answers if answer.is_acknowledgement and answer.ended > healed_at]
    return Outcome(
        acknowledged=len(acknowledged),
        refused=dict(Counter(str(answer.status or "connection") for answer in refusals)),
        unclear=sum(map(is_unclear, refusals)),
        unfinished=len({answer.message_id for answer in answers} - acknowledged),
        lost=len(acknowledged - state.message_ids),
        doubled=state.counted - len(state.message_ids),
        is_rebuilt=state.is_rebuilt,
        recovered_s=min(after, default=float("inf")),
        worst_s=max(answer.ended - answer.began for answer in answers),
    )


def is_unclear(refusal: Answer) -> bool:
    """Anything but a failed connection and a 503 that says when to try again."""
    return refusal.status is not None and not (
        refusal.status == httpx.codes.SERVICE_UNAVAILABLE and refusal.asks_to_retry
    )


async def state_of(url: str) -> State:
    """Read what is stored, and rebuild it from the log (law 5)."""
    database = Database(url)
    try:
        async with database.read() as connection:
            message_ids = frozenset((await connection.execute(select(events.c.message_id))).scalars())
            counted = (await connection.execute(select(func.sum(leads.c.event_count)))).scalar_one()
        return State(message_ids, int(counted), await _is_rebuilt(database))
    finally:
        await database.close()


async def _is_rebuilt(database: Database) -> bool:
    state, models = await stored(database), await _models(database)

    def evaluated_by(person: Person) -> EvaluatedBy:
        return models[state[person]["model_version"]], state[person]["updated_at"]

    again = rebuilt(await event_log(database), evaluated_by)
    return state == again and not await broken_chains(database, models[1].stages[0].name)


async def _models(database: Database) -> dict[int, CompiledModel]:
    cache = ActiveModels()
    async with database.read() as connection:
        newest = await active_version(connection)
        return {version: await cache.version(connection, version) for version in range(1, newest + 1)}
