"""The pages of backtests and proposals: jobs of the API, and their results."""

from typing import Any

import pytest

from app.documents.backtests import BacktestDocument
from app.documents.jobs import JobDocument
from app.errors import LeadscoreError
from app.insight.questions import Question
from app.screen.backtests import look_at
from app.services.backtests import backtest_model
from tests.api.harness import Api
from tests.screen.harness import Browser, values


async def asked(admin: Browser, kind: str, **fields: str) -> str:
    answer = await admin.post(f"/ui/insight/{kind}", **fields)
    assert answer.status_code == 303, answer.text
    return f"/ui/insight/{answer.headers['location']}"


async def test_a_test_is_a_job_of_the_api(api: Api, admin: Browser) -> None:
    path = await asked(admin, "backtests", outcome="order_completed", within_days="14", every="month", model="active")
    [job] = (await api.told("/v1/jobs"))["data"]
    assert (job["kind"], job["state"]) == ("backtest", "waiting")
    assert job["request"]["within_days"] == 14
    page = await admin.page(path)
    assert "Order completed within 14 days, seen every month" in page
    assert "Waiting for a worker" in page
    assert job["id"] in await admin.page("/ui/insight")


async def test_tests_are_listed_however_many_previews_followed(api: Api, admin: Browser) -> None:
    await asked(admin, "backtests", outcome="customer")
    [test] = (await api.told("/v1/jobs"))["data"]
    for _ in range(50):
        await api.runtime.jobs.create("preview", {})
    page = await admin.page("/ui/insight")
    assert test["id"] in page
    [question] = values(page, "data-copy-curl")
    assert (await api.told(question[question.index("/v1/") :]))["data"] == [test]


async def test_progress_loads_again_as_a_part_until_it_ends(api: Api, admin: Browser) -> None:
    path = await asked(admin, "proposals", outcome="customer")
    part = await admin.get(path, HX_Request="true")
    assert 'hx-trigger="every 2s"' in part.text
    assert "<html" not in part.text
    await admin.post(f"{path}/cancel")
    ended = await admin.get(path, HX_Request="true")
    assert ended.headers["hx-refresh"] == "true"
    assert "Canceled" in await admin.page(path)


async def test_too_few_outcomes_say_how_many_are_needed(api: Api, admin: Browser) -> None:
    path = await asked(admin, "backtests", outcome="order_completed")
    job = await api.runtime.jobs.claim(api.runtime.id)
    assert job is not None
    with pytest.raises(LeadscoreError) as refused:
        await backtest(api)
    await api.runtime.jobs.fail(job, refused.value.detail)
    page = await admin.page(path)
    assert "There is nothing to report" in page
    assert "at least 30 are needed" in page


async def backtest(api: Api, outcome: str = "order_completed") -> dict[str, Any]:
    async with api.runtime.database.read() as connection:
        model = await api.runtime.models.active(connection)
    return await backtest_model(api.runtime.database, api.runtime.models, Question(outcome, 14, api.clock.now), model)


async def test_a_backtest_shows_the_figures_of_its_job(demo: Api) -> None:
    admin = await Browser.signed_in(demo, "admin")
    path = await asked(admin, "backtests", outcome="lead")
    job = await demo.runtime.jobs.claim(demo.runtime.id)
    assert job is not None
    reports = await backtest(demo, "lead")
    documents = {
        name: BacktestDocument.model_validate(report).model_dump(mode="json") for name, report in reports.items()
    }
    await demo.runtime.jobs.finish(job, documents)
    answered = JobDocument.model_validate(await demo.told(f"/v1/jobs/{job.id}")).result["engagement"]
    page = await admin.page(path)
    assert f"{100 * answered['auc']['value']:.1f} %" in page
    assert f"{answered['tenths'][0]['lift']:.1f} ×" in page
    assert f"of {answered['counted']['leads']:,}" in page
    assert "fit" in await admin.page(f"{path}?score=fit")


async def test_curves_cover_every_threshold(demo: Api) -> None:
    report = BacktestDocument.model_validate((await backtest(demo, "lead"))["engagement"])
    look = look_at(report)
    assert look.recall.line.count("L") == len(report.thresholds) - 1
    assert look.precision.band.count("L") == 2 * len(report.thresholds) - 1
    assert look.recall.line.startswith("M0,0.0")


@pytest.mark.parametrize("kind", ["backtests", "proposals"])
async def test_a_reader_starts_nothing(browser: Browser, kind: str) -> None:
    assert (await browser.post(f"/ui/insight/{kind}", outcome="customer")).status_code == 403
    assert "<form" not in (await browser.page("/ui/insight")).partition("<main")[2].partition("</main>")[0]


async def test_a_wrong_number_of_days_is_a_problem(admin: Browser) -> None:
    assert (await admin.post("/ui/insight/backtests", outcome="customer", within_days="0")).status_code == 422
