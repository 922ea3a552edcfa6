"""Splits and merges over HTTP: what they answer, and which keys may make them."""

from uuid import uuid4

from tests.api.harness import Api, assert_problem, page_view, track


async def test_a_split_and_a_merge_say_what_they_do_to_the_leads(api: Api) -> None:
    await api.batch(page_view(), track(anonymousId="a1"))
    user = (await api.lead(user_id="u1"))["id"]
    for dry_run in (True, False):
        answer = await api.do(f"/v1/leads/{user}/split", {"identities": [{"anonymous_id": "a1"}], "dry_run": dry_run})
        document = answer.json()
        assert (answer.status_code, document["dry_run"]) == (200, dry_run)
        assert (document["remaining"]["lead_id"], document["separated"]["before"]) == (user, None)
        assert document["separated"]["after"]["event_count"] == 1
    visitor = (await api.lead(anonymous_id="a1"))["id"]
    assert visitor == document["separated"]["lead_id"]
    answer = await api.do("/v1/leads/merge", {"lead_ids": [visitor, user]})
    survivor = answer.json()["survivor"]
    assert (survivor["lead_id"], answer.json()["merged"]) == (user, [visitor])
    assert (survivor["before"]["event_count"], survivor["after"]["event_count"]) == (1, 2)
    assert (await api.lead(anonymous_id="a1"))["id"] == user


async def test_what_cannot_be_done_is_a_problem(web: Api) -> None:
    await web.batch(track(anonymousId="a1"))
    user = (await web.lead(user_id="u1"))["id"]
    both = {"identities": [{"anonymous_id": "a1"}, {"user_id": "u1"}]}
    assert_problem(await web.do(f"/v1/leads/{user}/split", both), 422, "validation-error")
    assert_problem(await web.do(f"/v1/leads/{uuid4()}/split", both), 404, "not-found")
    assert_problem(await web.do("/v1/leads/merge", {"lead_ids": [user, str(uuid4())]}), 404, "not-found")
    assert_problem(await web.do("/v1/leads/merge", {"lead_ids": [user, user]}), 422, "validation-error")
    for path in ("merge", f"{user}/split"):
        assert_problem(await web.do(f"/v1/leads/{path}", {}, "read"), 403, "insufficient-scope")


async def test_an_unknown_lead_is_explained_alike_wherever_it_is_named(web: Api) -> None:
    await web.batch(track())
    known, unknown, headers = (await web.lead(user_id="u1"))["id"], str(uuid4()), web.bearer("admin")
    answers = [
        await web.ask(f"/v1/leads/{unknown}"),
        await web.client.delete(f"/v1/leads/{unknown}", headers=headers),
        await web.do(f"/v1/leads/{unknown}/split", {"identities": [{"user_id": "u1"}]}),
        await web.do("/v1/leads/merge", {"lead_ids": [known, unknown]}),
    ]
    remedy = f"There is no lead {unknown}. Look it up by an identity, such as the person's email address."
    assert [answer.json()["detail"] for answer in answers] == [remedy] * len(answers)
