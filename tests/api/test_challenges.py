"""Proof of work: a form needs a solved challenge, which counts once."""

import base64
import json
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from altcha import Challenge, Payload, solve_challenge

from app.clock import utc_now
from app.services.challenges import Challenges
from tests.api.forms import ADA, only_event, submit
from tests.api.harness import PAGE, Api, accepted, assert_problem, running, track
from tests.services.harness import Clock

SECRET = "a secret for tests, which is long enough"
PATH = "/v1/challenge"


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    """Forms need proof of work, though of a hundredth of a second. The library looks at the system's clock."""
    async with running(database_url, Clock(utc_now()), proof_of_work_secret=SECRET) as api:
        api.runtime.challenges = Challenges(SECRET, cost=1)
        yield api


async def challenge(api: Api, key: str | None = None) -> dict[str, Any]:
    answer = await api.client.get(PATH, params={"writeKey": key or api.keys["write"]})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    document: dict[str, Any] = answer.json()
    return document


def solved(document: dict[str, Any], **changed: Any) -> str:
    """The solution, as the widget puts it into the form's field."""
    asked = Challenge.from_dict(document)
    solution = solve_challenge(asked)
    assert solution is not None
    asked.parameters.__dict__.update(changed)
    return Payload(asked, solution).to_base64()


async def codes(api: Api) -> list[str]:
    return [each["code"] for each in await api.rejections()]


async def test_a_form_with_a_solution_counts_and_does_not_keep_it(api: Api) -> None:
    accepted(await submit(api, ADA | {"altcha": solved(await challenge(api))}))
    assert (await only_event(api))["properties"] == ADA | {"form": "contact"}
    assert await codes(api) == []


class WatchedChallenges(Challenges):
    """Remembers in which threads solutions are checked."""

    def __init__(self) -> None:
        super().__init__(SECRET, cost=1)
        self.threads: list[threading.Thread] = []

    def message_id(self, solution: str, key_id: UUID) -> str | None:
        self.threads.append(threading.current_thread())
        return super().message_id(solution, key_id)


async def test_checking_a_solution_does_not_hold_up_other_requests(api: Api) -> None:
    api.runtime.challenges = watched = WatchedChallenges()
    accepted(await submit(api, ADA | {"altcha": solved(await challenge(api))}))
    assert [thread is threading.current_thread() for thread in watched.threads] == [False]


async def test_a_form_without_a_solution_gets_the_usual_answer_and_does_not_count(api: Api) -> None:
    assert accepted(await submit(api)) == (1, 0)
    assert await codes(api) == ["proof-of-work"]
    assert (await api.told("/v1/leads"))["data"] == []


async def test_a_solution_counts_once(api: Api) -> None:
    """Also on another replica, since the log knows it: even if the form names a message id of its own."""
    solution = solved(await challenge(api))
    for number in range(3):
        fields = {"email": f"bot{number}@example.com", "messageId": f"m{number}", "altcha": solution}
        assert accepted(await submit(api, fields)) == ((1, 0) if number == 0 else (0, 1))
    assert len((await api.told("/v1/leads"))["data"]) == 1


async def test_a_form_that_was_refused_may_use_its_solution_again(api: Api) -> None:
    solution = solved(await challenge(api))
    assert (await submit(api, {"colour": "red", "altcha": solution})).status_code == 400
    assert accepted(await submit(api, ADA | {"altcha": solution})) == (1, 0)


async def test_invalid_solutions_are_quarantined(api: Api) -> None:
    other = await challenge(api, await api.new_key("write"))
    open_challenge = await challenge(api)
    wrong = {
        "of another key": solved(other),
        "made easier": solved(open_challenge, key_prefix=""),
        "prolonged": solved(open_challenge, expires_at=2**40),
        "no challenge": base64.b64encode(json.dumps({"challenge": 1}).encode()).decode(),
        "no base64": "\N{SNOWMAN}",
        "no text": base64.b64encode(b"\xff").decode(),
        "too long": "A" * 5_000,
        "empty": "",
    }
    for name, solution in wrong.items():
        accepted(await submit(api, ADA | {"altcha": solution}))
        assert (await codes(api))[0] == "proof-of-work", name
    assert len(await codes(api)) == len(wrong)
    api.clock.now -= timedelta(hours=2)
    accepted(await submit(api, ADA | {"altcha": solved(await challenge(api))}))
    assert len(await codes(api)) == len(wrong) + 1


async def test_only_forms_with_public_keys_need_it(api: Api) -> None:
    document = json.dumps(ADA).encode()
    accepted(await api.post("/v1/forms/contact", document, key=api.keys["server"], Content_Type="application/json"))
    accepted(await api.batch(track()))
    assert await codes(api) == []


async def test_any_page_may_ask_for_a_challenge_that_the_key_allows(api: Api) -> None:
    key = await api.new_key("write", origins=[PAGE])
    headers = {"Origin": PAGE}
    answer = await api.client.get(PATH, params={"writeKey": key}, headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    headers = {"Origin": "https://elsewhere.example"}
    assert_problem(await api.client.get(PATH, params={"writeKey": key}, headers=headers), 403, "origin-not-allowed")
    assert_problem(await api.client.get(PATH), 401, "invalid-key")


async def test_a_challenge_of_the_usual_cost_is_as_documented(web: Api) -> None:
    asked = Challenges(SECRET).create((await web.runtime.keys.recognise(web.keys["write"])).id, utc_now())
    assert (asked["parameters"]["algorithm"], asked["parameters"]["cost"]) == ("PBKDF2/SHA-256", 5_000)


async def test_without_a_secret_there_are_no_challenges(web: Api) -> None:
    assert_problem(await web.client.get(PATH, params={"writeKey": web.keys["write"]}), 404, "not-found")
