"""Jobs over HTTP: asked for, listed, canceled."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.harness import Api, assert_problem, small_model

DOCUMENT = {"id", "kind", "state", "progress", "created_at", "started_at", "finished_at", "request", "error", "result"}
QUESTION = {"outcome": "customer", "within_days": 30}


async def test_a_job_waits_and_shows_what_was_asked(still: Api) -> None:
    answer = await still.do("/v1/proposals", QUESTION | {"capacity_per_week": 40})
    job = answer.json()
    assert answer.status_code == 202
    assert set(job) == DOCUMENT
    assert (job["kind"], job["state"], job["result"]) == ("proposal", "waiting", None)
    assert (job["request"]["capacity_per_week"], job["request"]["every"]) == (40, "week")
    assert await still.told(f"/v1/jobs/{job['id']}") == job


async def test_jobs_are_listed_the_latest_first(still: Api) -> None:
    made = [(await still.do("/v1/backtests", QUESTION | {"model": small_model()})).json()["id"] for _ in range(3)]
    page = await still.told("/v1/jobs", limit=2)
    rest = await still.told("/v1/jobs", limit=2, cursor=page["next_cursor"])
    assert [job["id"] for job in page["data"] + rest["data"]] == made[::-1]
    assert rest["next_cursor"] is None


async def test_a_list_has_the_wanted_kinds_without_results(still: Api) -> None:
    wanted = [(await still.do(f"/v1/{path}", QUESTION)).json()["id"] for path in ("backtests", "proposals")]
    assert (await still.do("/v1/previews", {"model": small_model()})).status_code == 202
    page = await still.told("/v1/jobs", kind=["proposal", "backtest"], limit=1)
    rest = await still.told("/v1/jobs", kind=["backtest", "proposal"], limit=1, cursor=page["next_cursor"])
    assert [job["id"] for job in page["data"] + rest["data"]] == wanted[::-1]
    assert set(page["data"][0]) == DOCUMENT - {"result"}


async def test_a_job_is_canceled(still: Api) -> None:
    path = f"/v1/jobs/{(await still.do('/v1/proposals', QUESTION)).json()['id']}"
    answer = await still.client.delete(path, headers=still.bearer("admin"))
    assert (answer.status_code, answer.json()["state"]) == (200, "canceled")
    assert await still.told(path) == answer.json()


WRONG: list[dict[str, Any]] = [
    {},
    {"outcome": "customer"},
    QUESTION | {"within_days": 0},
    QUESTION | {"every": "hour"},
    QUESTION | {"at": "2026-01-01", "after_days": 7},
    QUESTION | {"outcome": "a\0b"},
    QUESTION | {"more": 1},
]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/v1/proposals", [{"capacity_per_week": 40, "precision": 0.6}, {"precision": 2}, {"max_rules": 0}]),
        ("/v1/backtests", [{"model": 0}, {"model": "best"}, {"other": []}]),
    ],
)
async def test_an_invalid_question_is_refused(web: Api, path: str, wrong: list[dict[str, Any]]) -> None:
    for wanted in [*WRONG, *(QUESTION | each for each in wrong)]:
        assert_problem(await web.do(path, wanted), 422, "validation-error")
    assert (await web.told("/v1/jobs"))["data"] == []


async def test_an_invalid_model_is_refused_at_once(web: Api) -> None:
    assert_problem(await web.do("/v1/backtests", QUESTION | {"model": {"name": "n"}}), 422, "invalid-model")


async def test_a_preview_of_a_document_is_a_job(still: Api) -> None:
    answer = await still.do("/v1/previews", {"model": small_model(), "sample": 10})
    job = answer.json()
    assert (answer.status_code, job["kind"], job["state"]) == (202, "preview", "waiting")
    assert job["request"] == {"model": small_model(), "sample": 10}


@pytest.mark.parametrize("wrong", [{}, {"model": "best"}, {"model": 1, "sample": 0}, {"model": 1, "more": 1}, []])
async def test_an_invalid_request_for_a_preview_is_refused(web: Api, wrong: Any) -> None:
    assert_problem(await web.do("/v1/previews", wrong), 422, "validation-error")


async def test_a_preview_needs_a_valid_model_and_an_admin(web: Api) -> None:
    assert_problem(await web.do("/v1/previews", {"model": {"name": "n"}}), 422, "invalid-model")
    assert_problem(await web.do("/v1/previews", {"model": 1}, "read"), 403, "insufficient-scope")


async def test_an_unknown_job_is_not_found(web: Api) -> None:
    assert_problem(await web.ask(f"/v1/jobs/{uuid4()}"), 404, "not-found")
    answer = await web.client.delete(f"/v1/jobs/{uuid4()}", headers=web.bearer("admin"))
    assert_problem(answer, 404, "not-found")


async def test_jobs_are_asked_for_by_admins_and_read_by_readers(web: Api) -> None:
    assert_problem(await web.do("/v1/proposals", QUESTION, "read"), 403, "insufficient-scope")
    assert (await web.ask("/v1/jobs", "read")).status_code == 200
