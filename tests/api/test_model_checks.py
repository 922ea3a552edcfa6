"""Checks of models over HTTP: what an editor shows while somebody types. Nothing is stored."""

import json
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from app.cli import main
from tests.api.harness import Api, assert_problem, small_model

CHECK = {"faults", "warnings", "examples", "against", "differences"}
TEXT = """\
name: small
signals:
  demo: {on: Demo Requested}
  unread: {on: Page Viewed}   # nobody asks for it
scores:
  interest: {rules: {demo: {signal: demo, points: 10}}}
stages:
  - name: visitor
  - {name: hot, when: {score: interest, gte: 10}}
examples:
  - {name: a demo, given: [{event: Demo Requested}], expect: {stage: hot}}
  - {name: silence, given: [], expect: {stage: hot}}
"""


async def post(api: Api, text: str | bytes, kind: Any = "read", **query: Any) -> Response:
    body = text.encode() if isinstance(text, str) else text
    headers = api.bearer(kind) | {"Content-Type": "application/yaml"}
    return await api.client.post("/v1/models/check", content=body, headers=headers, params=query)


async def check(api: Api, text: str, **query: Any) -> Any:
    answer = await post(api, text, **query)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == CHECK
    return answer.json()


async def test_a_model_is_checked_without_being_stored(api: Api) -> None:
    found = await check(api, TEXT)
    assert found["faults"] == []
    [warning] = found["warnings"]
    assert (warning["code"], warning["path"]) == ("unread-signal", "signals.unread")
    assert (warning["line"], warning["column"]) == (4, 3)
    assert [(each["name"], each["holds"]) for each in found["examples"]] == [("a demo", True), ("silence", False)]
    assert found["against"] == 1
    assert {"signals.unread", "stages[1]"} <= {each["path"] for each in found["differences"]}
    assert [each["version"] for each in (await api.told("/v1/models"))["data"]] == [1]


async def test_a_model_is_compared_with_any_version(api: Api) -> None:
    version = await api.draft(small_model())
    different = await check(api, json.dumps(small_model(name="new")), against=version)
    assert (different["against"], len(different["differences"])) == (version, 1)
    assert (await check(api, json.dumps(small_model()), against=version))["differences"] == []


async def test_faults_are_reported_with_line_and_column(web: Api) -> None:
    wrong = TEXT.replace("points: 10", "points: many").replace("gte: 10", "over: 10").replace("name: small", "nam: s")
    found = await check(web, wrong)
    places = {fault["path"]: (fault["line"], fault["column"]) for fault in found["faults"]}
    assert places == {
        "name": (None, None),
        "nam": (1, 1),
        "scores.interest.rules.demo.points": (6, 43),
        "stages[1].when.over": (9, 41),
    }
    assert all(fault["message"] for fault in found["faults"])
    assert (found["warnings"], found["examples"], found["differences"]) == ([], [], [])


async def test_a_text_that_is_not_yaml_is_a_fault_where_it_ends(web: Api) -> None:
    [fault] = (await check(web, "name: small\nstages: ["))["faults"]
    assert (fault["path"], fault["line"], fault["column"]) == ("line 2, column 10", 2, 10)


async def test_a_model_in_json_has_no_lines(web: Api) -> None:
    answer = await web.do("/v1/models/check", small_model(typo=1), "read")
    [fault] = answer.json()["faults"]
    assert (fault["path"], fault["line"], fault["column"]) == ("typo", None, None)


async def test_what_is_no_text_is_refused(web: Api) -> None:
    assert_problem(await post(web, b"name: \xfcber"), 400, "malformed-request")
    answer = await web.client.post("/v1/models/check", content=b'{"name": ', headers=web.bearer("read"))
    assert_problem(answer, 400, "malformed-json")


async def test_an_unknown_version_can_not_be_compared_with(web: Api) -> None:
    assert_problem(await post(web, TEXT, against=7), 404, "not-found")
    assert_problem(await post(web, TEXT, against="best"), 422, "validation-error")


async def test_keys_that_send_events_can_not_check(web: Api) -> None:
    assert (await post(web, TEXT, "admin")).status_code == 200
    for kind in ("write", "server"):
        assert_problem(await post(web, TEXT, kind), 403, "insufficient-scope")


async def test_a_stored_version_says_where_its_warnings_are(web: Api) -> None:
    headers = web.bearer("admin")
    drafted = (await web.client.post("/v1/models", content=TEXT, headers=headers)).json()
    checked = await check(web, TEXT)
    assert drafted["warnings"] == (await web.told("/v1/models/2"))["warnings"] == checked["warnings"]
    assert drafted["examples"] == checked["examples"]


def said(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `leadscore model … --json` prints."""
    monkeypatch.setattr("sys.argv", ["leadscore", "model", *arguments, "--json"])
    with pytest.raises(SystemExit):
        main()
    return json.loads(capsys.readouterr().out)


async def test_the_command_line_says_the_same(
    web: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, other = tmp_path / "model.yaml", tmp_path / "other.yaml"
    file.write_text(TEXT)
    other.write_text(json.dumps(small_model()))
    found = await check(web, TEXT, against=await web.draft(small_model()))
    assert said(["lint", str(file)], monkeypatch, capsys)["warnings"] == found["warnings"]
    assert said(["test", str(file)], monkeypatch, capsys)["examples"] == found["examples"]
    compared = said(["diff", str(file), "--with", str(other)], monkeypatch, capsys)
    assert compared["differences"] == found["differences"]
