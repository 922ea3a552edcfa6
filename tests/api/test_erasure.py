"""Erasure over HTTP: by id, by identity, by admins alone."""

from uuid import uuid4

from tests.api.harness import Api, assert_problem, track


async def test_an_erased_lead_is_gone(api: Api) -> None:
    await api.batch(track(userId="u1"), track(userId="u2"))
    lead = await api.lead(user_id="u1")
    answer = await api.client.delete(f"/v1/leads/{lead['id']}", headers=api.bearer("admin"))
    assert (answer.status_code, answer.content) == (204, b"")
    for path in ("", "/score", "/events", "/transitions", "/history"):
        assert_problem(await api.ask(f"/v1/leads/{lead['id']}{path}"), 404, "not-found")
    assert [each["identities"]["user_id"] for each in (await api.told("/v1/leads"))["data"]] == [["u2"]]
    [change] = (await api.told("/v1/changes", types="lead.erased"))["data"]
    assert (change["lead_id"], change["data"]) == (lead["id"], {})


async def test_a_lead_is_erased_by_an_identity(api: Api) -> None:
    await api.batch(track(userId="u1"))
    answer = await api.client.delete("/v1/leads/lookup?user_id=u1", headers=api.bearer("admin"))
    assert answer.status_code == 204
    assert_problem(await api.ask("/v1/leads/lookup", user_id="u1"), 404, "not-found")
    again = await api.client.delete("/v1/leads/lookup?user_id=u1", headers=api.bearer("admin"))
    assert_problem(again, 404, "not-found")


async def test_somebody_without_a_lead_is_erased_from_the_messages_that_name_them(api: Api) -> None:
    form = {"writeKey": api.keys["write"], "email": "ada@example.com", "_gotcha": "buy"}
    await api.client.post("/v1/forms/contact", data=form)
    await api.client.post("/v1/forms/contact", data=form | {"email": "bob@example.com"})
    for expected in (204, 404):
        answer = await api.client.delete("/v1/leads/lookup?email=ada@example.com", headers=api.bearer("admin"))
        assert answer.status_code == expected
    [left] = await api.rejections()
    assert "bob@example.com" in str(left)


async def test_a_user_id_that_is_an_address_finds_who_is_known_by_the_address(api: Api) -> None:
    form = {"writeKey": api.keys["write"], "email": "ada@example.com"}
    await api.client.post("/v1/forms/contact", data=form)
    await api.client.post("/v1/forms/contact", data=form | {"email": "bob@example.com", "_gotcha": "buy"})
    for address in ("Ada@example.com", "bob@example.com"):
        where = "/v1/leads/lookup"
        export = await api.client.get(f"{where}/export", params={"user_id": address}, headers=api.bearer("admin"))
        assert (export.status_code, address.lower() in export.text) == (200, True)
        answer = await api.client.delete(where, params={"user_id": address}, headers=api.bearer("admin"))
        assert answer.status_code == 204
    assert await api.rejections() == []
    assert_problem(await api.ask("/v1/leads/lookup", email="ada@example.com"), 404, "not-found")


async def test_what_is_not_there_is_not_found(web: Api) -> None:
    answer = await web.client.delete(f"/v1/leads/{uuid4()}", headers=web.bearer("admin"))
    assert_problem(answer, 404, "not-found")


async def test_readers_may_not_erase(web: Api) -> None:
    await web.batch(track(userId="u1"))
    lead = await web.lead(user_id="u1")
    for path in (lead["id"], "lookup?user_id=u1"):
        answer = await web.client.delete(f"/v1/leads/{path}", headers=web.bearer("read"))
        assert_problem(answer, 403, "insufficient-scope")
    assert await web.lead(user_id="u1") == lead
