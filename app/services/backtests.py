"""Backtests: how well a model would have predicted an outcome in the log."""

from collections.abc import Callable
from dataclasses import replace

from app.errors import NotFound
from app.insight.backtests import Backtest, backtest
from app.insight.questions import Question
from app.scoring.engine import CompiledModel
from app.services.models import ActiveModels
from app.services.outcomes import Outcome, read_histories
from app.storage.db import Database


async def backtest_model(
    database: Database,
    models: ActiveModels,
    question: Question,
    model: CompiledModel,
    other: CompiledModel | None = None,
    since_stage: str | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, Backtest]:
    """As `app.insight.backtests.backtest`, on all leads.

    `question.outcome` is a signal or a stage of the active model, or an event. Blocks the event loop for up to minutes,
    so that Ctrl-C ends it at once. Raises `HorizonNotOver`, `TooFewOutcomes`, `TooManyEvents` and `NotFound`.
    """
    if not model.scores:
        raise NotFound("The model has no scores, so there is nothing to test.")
    async with database.read() as connection:
        outcome = Outcome.named(question.outcome, await models.active(connection))
    histories = await read_histories(database, models, outcome, since_stage, on_progress)
    return backtest(histories, replace(question, signal=outcome.signal), model, other)
