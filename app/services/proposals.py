"""Proposals: a model learned from outcomes in the log. Nothing is stored."""

from collections.abc import Callable
from dataclasses import replace

from app.insight.proposals import propose
from app.insight.questions import Question, Wishes
from app.insight.report import Proposal
from app.services.models import ActiveModels
from app.services.outcomes import Outcome, read_histories
from app.storage.db import Database


async def propose_model(
    database: Database,
    models: ActiveModels,
    question: Question,
    wishes: Wishes,
    since_stage: str | None,
    on_progress: Callable[[int], None],
) -> Proposal:
    """A proposal that is meant to replace the active model. `question.outcome` is a signal, a stage or an event.

    Blocks the event loop for up to minutes, so that Ctrl-C ends it at once. Raises `HorizonNotOver`, `TooFewOutcomes`,
    `TooManyEvents` and `NoBetterThanChance`.
    """
    async with database.read() as connection:
        active = await models.active(connection)
    outcome = Outcome.named(question.outcome, active)
    histories = await read_histories(database, models, outcome, since_stage, on_progress)
    asked, wished = replace(question, signal=outcome.signal), replace(wishes, active=active)
    return propose(histories, asked, wished)
