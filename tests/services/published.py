"""Models to publish, and rollouts of them that are stopped or killed on their way, for the tests that need some."""

import pytest

from app.services.rollouts import Progress, progress_of
from tests.services.harness import Service, event, small_model, with_signal

BEGINNERS = small_model(stages=[{"name": "interest"}])
"""A model that moves everybody who has come further to the first rung."""

PRICING = with_signal("pricing", {"on": ["Page Viewed"]})
"""A model that counts another thing."""


async def ask_for_demos(service: Service, count: int) -> None:
    await service.ingest(*(event(f"u{number}") for number in range(count)))


async def progress(service: Service, rollout_id: int = 2) -> Progress:
    return await progress_of(service.database, rollout_id, service.clock.now)


async def stop_after_a_chunk(service: Service, chunk: int) -> None:
    assert not await service.roll_out(chunk, lambda *_: False)


async def die_after_a_chunk(service: Service, chunk: int) -> None:
    """As a process does that is killed: nothing is let go."""

    def die(*_: object) -> bool:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await service.roll_out(chunk, die)
