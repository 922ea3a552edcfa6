"""Trying a model over HTTP: messages in, the evaluation out, nothing stored."""

from typing import Any

import pytest

from tests.api.harness import Api, assert_problem, page_view, small_model, track


async def evaluate(api: Api, *messages: Any, **more: Any) -> Any:
    """What a model makes of messages, which has to be 200."""
    answer = await api.do("/v1/evaluate", {"messages": messages, **more}, "read")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_messages_are_evaluated_by_the_active_model(api: Api) -> None:
    told = await evaluate(api, track(), page_view())
    assert set(told) == {"stage", "stage_reason", "scores", "model_version", "as_of"}
    assert (told["stage"], told["model_version"], told["as_of"]) == ("sql", 1, "2026-03-10T12:00:00Z")
    assert told["stage_reason"]["stage"] == "sql"
    assert set(told["scores"]["engagement"]) == {"value", "band", "ledger"}
    for score in told["scores"].values():
        assert sum(line["points"] for line in score["ledger"]) == pytest.approx(score["value"])
    assert await evaluate(api, track(), page_view(), model="active") == told


async def test_messages_are_evaluated_as_in_ingestion(api: Api) -> None:
    messages = [track(), page_view(userId="u1"), track("Order Completed")]
    told = await evaluate(api, *messages)
    await api.batch(*messages, key=api.keys["server"])
    score = await api.told(f"/v1/leads/{(await api.lead(user_id='u1'))['id']}/score")
    assert told["scores"] == score["scores"]
    assert told["stage"] == score["stage"] == "customer"


async def test_messages_are_evaluated_by_any_version(api: Api) -> None:
    version = await api.draft(small_model())
    told = await evaluate(api, track(), model=version)
    assert (told["stage"], told["model_version"]) == ("hot", version)
    assert (await evaluate(api, track(), model=1))["stage"] == "sql"


async def test_messages_are_evaluated_by_a_document_that_is_not_stored(api: Api) -> None:
    told = await evaluate(api, track(), model=small_model())
    assert (told["stage"], told["model_version"]) == ("hot", None)
    assert told["scores"]["interest"]["value"] == 10
    assert len((await api.told("/v1/models"))["data"]) == 1


async def test_a_lead_is_evaluated_by_a_document_that_is_not_stored_as_by_the_same_version(api: Api) -> None:
    """Its signals are counted from the events of the lead."""
    await api.batch(track(), page_view(userId="u1"), track("Order Completed"), key=api.keys["server"])
    lead_id = (await api.lead(user_id="u1"))["id"]
    version = await api.draft(small_model())
    for as_of in ({}, {"as_of": "2026-06-01T00:00:00Z"}):
        answer = await api.do("/v1/evaluate", {"lead_id": lead_id, "model": small_model(), **as_of}, "read")
        stored = await api.told(f"/v1/leads/{lead_id}/score", model=version, **as_of)
        assert stored.pop("id") == lead_id
        assert answer.json() == stored | {"model_version": None}


async def test_a_dry_run_has_either_messages_which_may_be_untrusted_or_a_lead(web: Api) -> None:
    for subject in ({}, {"messages": [], "lead_id": "01890000-0000-7000-8000-000000000000"}):
        assert_problem(await web.do("/v1/evaluate", subject, "read"), 422, "validation-error")
    for trusted in (False, True):
        asked = {"lead_id": "01890000-0000-7000-8000-000000000000", "trusted": trusted}
        problem = assert_problem(await web.do("/v1/evaluate", asked, "read"), 422, "validation-error")
        assert "`trusted` goes with `messages`" in str(problem["errors"])
    unknown = await web.do("/v1/evaluate", {"lead_id": "01890000-0000-7000-8000-000000000000"}, "read")
    assert_problem(unknown, 404, "not-found")


async def test_every_fault_of_an_invalid_model_is_reported(web: Api) -> None:
    document = small_model(typo=1, stages=[{"name": "visitor", "more": 1}], examples=[])
    answer = await web.do("/v1/evaluate", {"model": document, "messages": []}, "read")
    found = assert_problem(answer, 422, "invalid-model")["errors"]
    assert {fault["path"] for fault in found} == {"typo", "stages[0].more"}


async def test_a_document_that_can_not_be_encoded_is_refused(web: Api) -> None:
    for eq in ("\ud800", "\0"):
        stages = [{"name": "visitor"}, {"name": "hot", "when": {"trait": "plan", "eq": eq}}]
        document = small_model(stages=stages, examples=[])
        answer = await web.do("/v1/evaluate", {"model": document, "messages": []}, "read")
        assert_problem(answer, 422, "invalid-model")


async def test_no_messages_evaluate_an_unknown_person(api: Api) -> None:
    told = await evaluate(api, model=small_model())
    assert (told["stage"], told["scores"]["interest"]) == ("visitor", {"value": 0, "band": "low", "ledger": []})


async def test_all_messages_belong_to_one_person_whatever_their_identities(api: Api) -> None:
    identify = {"type": "identify", "traits": {"email": "ada@example.com"}}
    score = {
        "rules": {
            "demo": {"signal": "demo", "points": 10},
            "email": {"when": {"trait": "email_domain", "eq": "example.com"}, "points": 1},
        }
    }
    messages = [track(userId="u1"), track(userId="u2"), {"type": "track", "event": "Demo Requested"}, identify]
    told = await evaluate(api, *messages, model=small_model(scores={"interest": score}))
    assert told["scores"]["interest"]["value"] == 31


async def test_a_message_given_twice_counts_once(api: Api) -> None:
    message = track()
    told = await evaluate(api, message, message, track(), model=small_model())
    assert told["scores"]["interest"]["value"] == 20


async def test_as_of_sets_the_moment(api: Api) -> None:
    message = page_view(timestamp="2026-03-01T12:00:00Z")
    before, after = [
        await evaluate(api, message, as_of=moment) for moment in ("2026-02-28T12:00:00Z", "2026-03-15T14:00:00+02:00")
    ]
    assert before["scores"]["engagement"]["value"] == 0
    assert after["as_of"] == "2026-03-15T12:00:00Z"
    assert after["scores"]["engagement"]["value"] == pytest.approx(2.5)


async def test_messages_count_as_trusted_by_default(api: Api) -> None:
    order = track("Order Completed")
    assert (await evaluate(api, order))["stage"] == "customer"
    assert (await evaluate(api, order, trusted=False))["stage"] == "interest"


async def test_every_invalid_message_is_named(api: Api) -> None:
    wrong = [{"type": "track"}, "text", {"type": "marker"}, track(userId="null"), track(properties={"a": 2**63})]
    answer = await api.do("/v1/evaluate", {"messages": [track(), *wrong, track()]}, "read")
    found = assert_problem(answer, 422, "validation-error")["errors"]
    assert [fault["path"] for fault in found] == [f"messages[{index}]" for index in range(1, 6)]
    assert all(fault["message"].endswith(".") for fault in found)
    assert "marker" not in answer.text


async def test_nothing_is_stored(api: Api) -> None:
    await evaluate(api, track(), page_view(), model=small_model())
    await api.do("/v1/evaluate", {"messages": ["text"]}, "read")
    for path in ("/v1/leads", "/v1/rejections"):
        assert (await api.told(path))["data"] == []
    assert len((await api.told("/v1/models"))["data"]) == 1


WRONG: list[Any] = [
    {},
    [],
    {"messages": None},
    {"messages": {}},
    {"messages": [track()] * 501},
    {"messages": [], "more": 1},
    {"messages": [], "trusted": "marker"},
    {"messages": [], "as_of": "2026-03-10T12:00:00"},
    {"messages": [], "as_of": "0001-01-01T00:00:00+14:00"},
]


async def test_invalid_requests_are_refused(web: Api) -> None:
    for wanted in WRONG:
        assert_problem(await web.do("/v1/evaluate", wanted, "read"), 422, "validation-error")


async def test_an_invalid_model_reference_is_refused_with_one_fault(web: Api) -> None:
    wrong: list[Any] = ["marker", 0, -1, 2**31, 10**30, 1.5, True, None, []]
    for model in wrong:
        answer = await web.do("/v1/evaluate", {"model": model, "messages": []}, "read")
        [fault] = assert_problem(answer, 422, "validation-error")["errors"]
        assert (fault["path"], "`active`" in fault["message"]) == ("model", True)
    assert_problem(await web.do("/v1/evaluate", {"model": 2, "messages": []}, "read"), 404, "not-found")


async def test_only_keys_that_can_read_may_evaluate(web: Api) -> None:
    wanted = {"messages": [track()]}
    assert (await web.do("/v1/evaluate", wanted, "admin")).status_code == 200
    assert_problem(await web.do("/v1/evaluate", wanted, "write"), 403, "insufficient-scope")
    assert_problem(await web.do("/v1/evaluate", wanted, "server"), 403, "insufficient-scope")
    assert_problem(await web.client.post("/v1/evaluate", json=wanted), 401, "invalid-key")
