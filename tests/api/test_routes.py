"""Routes take only the parameters that they declare. How they read bodies is in `test_bodies.py`."""

from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from app.main import create_app
from app.settings import Settings
from tests.api.harness import Api, assert_problem


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("/v1/leads?stagee=mql", "did you mean stage?"),
        ("/v1/leads/lookup?mail=a@example.com", "did you mean email?"),
        ("/v1/models?state=draft", "expected one of: cursor, limit"),
        ("/v1/rejections?limits=1&marker=2", "did you mean limit?"),
        ("/v1/models/active?version=1", "unknown parameter"),
    ],
)
async def test_an_unknown_parameter_is_refused(web: Api, question: str, told: str) -> None:
    answer = await web.client.get(question, headers=web.bearer("admin"))
    assert_problem(answer, 422, "validation-error")
    assert told in answer.json()["detail"]
    assert "marker" not in answer.text


@pytest.mark.parametrize(
    ("method", "question"),
    [
        ("GET", "/v1/leads?sort=engagement&sort=fit"),
        ("GET", "/v1/leads/lookup?email=a@example.com&email=b@example.com"),
        ("DELETE", "/v1/leads/lookup?email=a@example.com&email=b@example.com"),
        ("POST", "/v1/models?note=a&note=b"),
    ],
)
async def test_a_parameter_of_one_value_is_refused_if_repeated(web: Api, method: str, question: str) -> None:
    answer = await web.client.request(method, question, headers=web.bearer("admin"))
    name = question.partition("?")[2].partition("=")[0]
    assert assert_problem(answer, 422, "validation-error")["detail"] == f"{name}: can be given only once"


async def test_an_unknown_parameter_with_a_body_is_refused(web: Api) -> None:
    answer = await web.client.post("/v1/evaluate?modle=1", json={"messages": []}, headers=web.bearer("read"))
    assert_problem(answer, 422, "validation-error")


async def test_without_a_key_parameters_are_not_reported(web: Api) -> None:
    assert_problem(await web.client.get("/v1/leads?stagee=mql"), 401, "invalid-key")


def nested(dependant: Dependant) -> Iterator[Dependant]:
    for each in dependant.dependencies:
        yield each
        yield from nested(each)


def test_nothing_that_a_route_depends_on_is_run_in_a_thread() -> None:
    routes = [context.original_route for context in iter_route_contexts(create_app(Settings()).routes)]
    ours = [route for route in routes if isinstance(route, APIRoute)]
    used: set[Any] = {each.call for route in ours for each in nested(route.dependant)} - {None}
    in_threads = {each for each in used if not iscoroutinefunction(each) and not iscoroutinefunction(each.__call__)}
    assert len(used) > 10
    assert in_threads == set()
