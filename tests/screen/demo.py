"""A small part of the demo data, with a draft and a backtest that is done."""

import asyncio
from datetime import UTC, datetime

from app.api.accounts import list_accounts
from app.demo.story import begins_at, invent
from app.documents.backtests import BacktestDocument
from app.insight.questions import Question
from app.services.backtests import backtest_model
from app.services.demo import SetClock, replay
from app.services.keys import create_key
from app.services.models import draft, starter, starter_text
from app.services.runtime import Runtime
from app.settings import Settings
from app.workers.accounts import count_accounts

DEMO_NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)


async def fill(url: str) -> None:
    clock = SetClock(begins_at(DEMO_NOW))
    runtime = Runtime(Settings(database_url=url), clock)
    await runtime.start()
    await replay(runtime, clock, invent(DEMO_NOW, visitors=150, leads=80))
    await runtime.stop()


async def add_work(url: str) -> dict[str, str]:
    """A draft, a backtest that is done, a key and accounts. Returns the ids that paths need."""
    runtime = Runtime(Settings(database_url=url), lambda: DEMO_NOW)
    await runtime.open()
    made = await create_key(runtime.database, "read", "ada", DEMO_NOW)
    text = starter_text().replace("at_least: 3, within_days: 14", "at_least: 2, within_days: 14")
    await draft(runtime.database, starter(), "Two <b>features</b> are enough", DEMO_NOW, text=text, author="ada")
    job = await _backtest(runtime)
    await count_accounts(runtime, asyncio.Event())
    account = (await list_accounts(runtime)).data[0].id
    await runtime.stop()
    return {"key": str(made.key.id), "job": job, "account": str(account)}


async def _backtest(runtime: Runtime) -> str:
    await runtime.jobs.create("backtest", {"outcome": "lead", "within_days": 14, "every": "week", "model": "active"})
    job = await runtime.jobs.claim(runtime.id)
    assert job is not None
    async with runtime.database.read() as connection:
        model = await runtime.models.active(connection)
    reports = await backtest_model(runtime.database, runtime.models, Question("lead", 14, DEMO_NOW), model)
    written = {
        name: BacktestDocument.model_validate(report).model_dump(mode="json") for name, report in reports.items()
    }
    await runtime.jobs.finish(job, written)
    return str(job.id)
