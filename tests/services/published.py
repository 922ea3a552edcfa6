"""Models to publish, and rollouts that are stopped or killed midway."""

import pytest

from app.services.rollouts import Progress, progress_of
from tests.services.harness import Service, event, small_model, with_signal

BEGINNERS = small_model(stages=[{"name": "interest"}])
"""A model with only the first stage: every other lead falls back to it."""

PRICING = with_signal("pricing", {"on": ["Page Viewed"]})
"""A model whose signal `pricing` counts other events."""


async def ask_for_demos(service: Service, count: int) -> None:
    await service.ingest(*(event(f"u{number}") for number in range(count)))


async def progress(service: Service, rollout_id: int = 2) -> Progress:
    return await progress_of(service.database, rollout_id, service.clock.now)


async def stop_after_a_chunk(service: Service, chunk: int) -> None:
    assert not await service.roll_out(chunk, lambda *_: False)


async def die_after_a_chunk(service: Service, chunk: int) -> None:
    """Stop like a killed process, without releasing the claim."""

    def die(*_: object) -> bool:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await service.roll_out(chunk, die)
