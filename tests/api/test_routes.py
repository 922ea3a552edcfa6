"""Routes take only the parameters that they declare. How they read bodies is in `test_bodies.py`."""

from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import Any

import pytest
from fastapi._compat import ModelField
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


def own_routes() -> list[APIRoute]:
    routes = [context.original_route for context in iter_route_contexts(create_app(Settings()).routes)]
    return [route for route in routes if isinstance(route, APIRoute)]


def numeric_fields() -> Iterator[tuple[str, ModelField]]:
    """The parameters that read `5` as a number."""
    for route in own_routes():
        for each in (route.dependant, *nested(route.dependant)):
            for field in (*each.path_params, *each.query_params):
                if isinstance(field.validate("5", {}, loc=())[0], int | float):
                    yield f"{route.path} {field.name}", field


NUMERIC = dict(numeric_fields())


@pytest.mark.parametrize("name", NUMERIC)
def test_a_number_is_read_only_as_people_write_it(name: str) -> None:
    unclear = ("1_0", " 5", "\u0665", "\uff15", "nan", "5\n")
    assert [text for text in unclear if not NUMERIC[name].validate(text, {}, loc=())[1]] == []


def test_all_kinds_of_numeric_parameters_are_found() -> None:
    assert {"/v1/leads limit", "/v1/changes wait", "/v1/models/{version} version"} <= NUMERIC.keys()


@pytest.mark.parametrize("number", ["1_000", " 40", "\u0664\u0660", "nan", "inf", ""])
async def test_a_score_is_limited_by_a_number_as_people_write_it(web: Api, number: str) -> None:
    for path in ("/v1/leads", "/v1/accounts"):
        answer = await web.ask(path, min_score=f"engagement:{number}")
        assert "such as engagement:40" in assert_problem(answer, 422, "validation-error")["detail"]


def test_nothing_that_a_route_depends_on_is_run_in_a_thread() -> None:
    used: set[Any] = {each.call for route in own_routes() for each in nested(route.dependant)} - {None}
    in_threads = {each for each in used if not iscoroutinefunction(each) and not iscoroutinefunction(each.__call__)}
    assert len(used) > 10
    assert in_threads == set()
