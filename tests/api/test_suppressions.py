"""Suppressions over HTTP."""

from typing import Any

import pytest

from tests.api.harness import Api, assert_problem, running, track

SECRET = "0123456789abcdef0123456789abcdef"


async def test_an_erased_person_is_kept_out_and_let_in_again(database_url: str) -> None:
    async with running(database_url, suppression_secret=SECRET) as api:
        await api.batch(track(anonymousId="a1"))
        path = "/v1/leads/lookup?user_id=u1"
        assert (await api.client.delete(f"{path}&suppress=true", headers=api.bearer("admin"))).status_code == 204
        answer = await api.batch(track())
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
        assert_problem(await api.ask(path), 404, "not-found")
        first = (await api.ask("/v1/suppressions", "admin", limit=1)).json()
        rest = (await api.ask("/v1/suppressions", "admin", cursor=first["next_cursor"])).json()
        assert [each["is_effective"] for each in (*first["data"], *rest["data"])] == [True, True]
        gone = await api.client.delete("/v1/suppressions/lookup?user_id=u1", headers=api.bearer("admin"))
        assert gone.status_code == 204
        await api.batch(track())
        assert (await api.lead(user_id="u1"))["event_count"] == 1
        left = (await api.ask("/v1/suppressions", "admin")).json()["data"]
        for status in (204, 404):
            deleted = await api.client.delete(f"/v1/suppressions/{left[0]['id']}", headers=api.bearer("admin"))
            assert deleted.status_code == status


async def test_without_a_secret_suppressing_is_refused(web: Api) -> None:
    await web.batch(track())
    lead = await web.lead(user_id="u1")
    answer = await web.client.delete(f"/v1/leads/{lead['id']}?suppress=true", headers=web.bearer("admin"))
    assert_problem(answer, 422, "validation-error")
    assert_problem(await web.ask("/v1/suppressions"), 403, "insufficient-scope")
    assert await web.lead(user_id="u1") == lead
    assert_problem(await web.do("/v1/suppressions", {"identities": [{"user_id": "u1"}]}), 422, "validation-error")


async def test_somebody_who_is_not_known_yet_is_kept_out(sqlite_url: str) -> None:
    async with running(sqlite_url, suppression_secret=SECRET) as api:
        wanted = {"identities": [{"email": "Ada@Example.com"}, {"user_id": "u1"}]}
        made = await api.do("/v1/suppressions", wanted)
        assert made.status_code == 201
        assert (await api.ask("/v1/suppressions", "admin")).json() == made.json()
        await api.batch(track(), track(userId="u2", context={"traits": {"email": "ada@example.com"}}))
        assert (await api.told("/v1/leads"))["data"] == []


ADDRESS = "ada@example.com"


@pytest.mark.parametrize("suppressed", ["email", "user_id"])
@pytest.mark.parametrize("let_in", ["email", "user_id"])
async def test_an_address_is_one_person_as_an_email_and_as_a_user_id(
    sqlite_url: str, suppressed: str, let_in: str
) -> None:
    with_email = {"type": "identify", "anonymousId": "a1", "traits": {"email": ADDRESS}}
    async with running(sqlite_url, suppression_secret=SECRET) as api:
        made = (await api.do("/v1/suppressions", {"identities": [{suppressed: "Ada@Example.com"}]})).json()
        assert len(made["data"]) == 1
        await api.batch(track(userId=ADDRESS.upper()), with_email, {"type": "track", "userId": ADDRESS})
        assert (await api.told("/v1/leads"))["data"] == []
        assert await api.rejections() == []  # the last one has no event's name, and is not kept either
        path = f"/v1/suppressions/lookup?{let_in}={ADDRESS}"
        assert (await api.client.delete(path, headers=api.bearer("admin"))).status_code == 204
        await api.batch(track(userId=ADDRESS), with_email)
        assert (await api.lead(email=ADDRESS))["event_count"] == 2


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({"identities": []}, "identities"),
        ({"identities": [{"user_id": "u1"}, {"user_id": "null"}]}, "identities.1"),
        ({"identities": [{"user_id": "u1", "email": "ada@example.com"}]}, "identities.0"),
        ({"identity": {"user_id": "u1"}}, "identities"),
    ],
)
async def test_what_is_not_an_identity_is_refused_by_its_path(web: Api, wanted: Any, path: str) -> None:
    problem = assert_problem(await web.do("/v1/suppressions", wanted), 422, "validation-error")
    assert path in [error["path"] for error in problem["errors"]]
