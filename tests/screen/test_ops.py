"""The pages of operations: figures of the API, keys that are shown once, and replays that are counted first."""

import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from app.services import releases
from app.storage.tables import rejections
from tests.api.harness import Api, running
from tests.screen.harness import Browser, tags

SECRET = re.compile(r"ls_(?:read|write)_[\w-]{40,}")


async def test_activity_and_rejections_are_those_of_the_api(api: Api, browser: Browser) -> None:
    await api.batch({"type": "track", "anonymousId": "a1", "event": "Liked"}, {"type": "track", "anonymousId": "a1"})
    page = await browser.page("/ui/ops")
    activity = (await api.told("/v1/activity"))["data"]
    assert [(each["accepted"], each["rejected"]) for each in activity] == [(1, 1)]
    assert "1 accepted, 1 not" in page
    assert 'href="./ops/rejections?code=validation-error"' in page


async def test_the_figures_load_again_as_a_part(browser: Browser) -> None:
    part = (await browser.get("/ui/ops?by=hour", HX_Request="true")).text
    assert "<html" not in part
    assert 'hx-get="./ops?by=hour"' in part


async def test_rejections_show_hostile_messages_as_text(api: Api, browser: Browser) -> None:
    await api.batch({"type": "track", "anonymousId": "a1", "properties": {"x": "<script>alert(1)</script>"}})
    page = await browser.page("/ui/ops/rejections?code=validation-error")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "Nothing was rejected" in await browser.page("/ui/ops/rejections?code=malformed-json")


async def quarantine(api: Api, *ids: str) -> None:
    for message_id in ids:
        fields = {"writeKey": api.keys["write"], "email": f"{message_id}@example.com", "messageId": message_id}
        await api.client.post("/v1/forms/contact", data=fields | {"_gotcha": "buy"})


def confirmed(page: str) -> dict[str, str]:
    """The hidden fields with which a page asks whether to release messages."""
    fields = {each.get("name"): each.get("value") or "" for _, each in tags(page)}
    return {name: fields[name] for name in ("up_to", "digest")}


async def test_quarantined_messages_are_released_after_their_count_is_shown(api: Api, admin: Browser) -> None:
    await quarantine(api, "m1", "m2", "m3")
    assert 'href="../ops/rejections/release?q=m2"' in await admin.page("/ui/ops/rejections?q=m2")
    page = await admin.page("/ui/ops/rejections/release?q=m2")
    assert "Release 1 message?" in page
    assert 'action="../../ops/rejections/release?q=m2"' in page
    done = await admin.post("/ui/ops/rejections/release?q=m2", **confirmed(page))
    assert "1 message released</h1>" in done.text
    assert 'href="../../ops/rejections?q=m2"' in done.text
    assert [each["message_id"] for each in await api.rejections()] == ["m3", "m1"]
    assert (await api.lead(email="m2@example.com"))["event_count"] == 1


async def test_what_comes_after_the_page_was_shown_is_not_released(api: Api, admin: Browser) -> None:
    path = "/ui/ops/rejections/release?code=honeypot"
    await quarantine(api, "m1", "m2")
    page = await admin.page(path)
    await quarantine(api, "m3")
    assert "2 messages released</h1>" in (await admin.post(path, **confirmed(page))).text
    assert [each["message_id"] for each in await api.rejections()] == ["m3"]
    again = await admin.post(path, **confirmed(page))
    assert (again.status_code, "The list has changed" in again.text) == (409, True)
    assert "Release 1 message?</h1>" in again.text
    assert [each["message_id"] for each in await api.rejections()] == ["m3"]


async def test_what_is_committed_late_with_an_older_id_has_to_be_confirmed(api: Api, admin: Browser) -> None:
    """Also if the number is the same as before, because another message has been released."""
    path = "/ui/ops/rejections/release?code=honeypot"
    await quarantine(api, "m1", "m2")
    page = await admin.page(path)
    await quarantine(api, "m3")
    oldest = update(rejections).where(rejections.c.message_id == "m3").values(id=UUID(int=1))
    async with api.runtime.database.write() as connection:
        await connection.execute(oldest)
    await admin.post(f"/ui/ops/rejections/{(await api.rejections())[0]['id']}/release")
    assert (again := await admin.post(path, **confirmed(page))).status_code == 409
    assert [each["message_id"] for each in await api.rejections()] == ["m1", "m3"]
    assert "2 messages released</h1>" in (await admin.post(path, **confirmed(again.text))).text


async def test_what_is_left_after_a_release_is_said(api: Api, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "CHUNK", 1)
    monkeypatch.setattr(releases, "MAX_MESSAGES", 1)
    path = "/ui/ops/rejections/release?code=honeypot"
    await quarantine(api, "m1", "m2", "m3")
    done = (await admin.post(path, **confirmed(await admin.page(path)))).text
    assert "1 message released, 2 left</h1>" in done
    assert 'href="../../ops/rejections/release?code=honeypot"' in done


async def test_messages_of_suppressed_people_are_dropped_and_said_to_be(sqlite_url: str) -> None:
    path = "/ui/ops/rejections/release?code=honeypot"
    async with running(sqlite_url, working=False, suppression_secret="s" * 32) as api:
        admin = await Browser.signed_in(api, "admin")
        await quarantine(api, "m1", "m2", "m3")
        await api.do("/v1/suppressions", {"identities": [{"email": f"{each}@example.com"} for each in ("m1", "m2")]})
        done = (await admin.post(path, **confirmed(await admin.page(path)))).text
    assert "1 message released</h1>" in done
    assert "2 were dropped, because their senders are suppressed." in done


@pytest.mark.parametrize("query", ["", "?", "?cod=honeypot", "?code=honeypot&limit=1"])
async def test_a_release_without_a_filter_or_with_an_unknown_one_is_refused(
    api: Api, admin: Browser, query: str
) -> None:
    await quarantine(api, "m1")
    [rejection] = await api.rejections()
    path = f"/ui/ops/rejections/release{query}"
    for answer in (await admin.get(path), await admin.post(path, up_to=rejection["id"], digest="")):
        assert answer.status_code == 422
        assert ("unknown parameter" if "=" in query else "at least one of code, source, from, to, q") in answer.text
    assert await api.rejections() == [rejection]


async def test_a_release_must_say_up_to_which_message(api: Api, admin: Browser) -> None:
    await quarantine(api, "m1")
    answer = await admin.post("/ui/ops/rejections/release?code=honeypot")
    assert (answer.status_code, "up_to: is missing" in answer.text) == (422, True)
    assert len(await api.rejections()) == 1


async def test_nothing_offers_to_release_what_cannot_be(api: Api, admin: Browser) -> None:
    fields = {"writeKey": api.keys["write"], "_gotcha": "buy", "messageId": "m1"}
    await api.client.post("/v1/forms/contact", data=fields)  # nobody's
    assert [each["code"] for each in await api.rejections()] == ["honeypot"]
    for query in ("", "?code=honeypot"):
        assert "/release" not in await admin.page(f"/ui/ops/rejections{query}")
    page = await admin.page("/ui/ops/rejections/release?code=honeypot")
    assert "Nothing to release</h1>" in page
    assert "1 other matches but can't be released" in page
    assert "btn go" not in page


async def test_one_message_is_released(api: Api, admin: Browser) -> None:
    await quarantine(api, "m1", "m2")
    path = f"ops/rejections/{(await api.rejections())[1]['id']}/release"
    page = await admin.page("/ui/ops/rejections")
    assert f'action="../{path}"' in page
    assert "rejections/release" not in page  # not all, as nothing is chosen
    assert "1 message released</h1>" in (await admin.post(f"/ui/{path}")).text
    assert "it has been released already" in (await admin.post(f"/ui/{path}")).text
    assert [each["message_id"] for each in await api.rejections()] == ["m2"]


async def test_a_reader_releases_nothing(api: Api, browser: Browser) -> None:
    await quarantine(api, "m1")
    [rejection] = await api.rejections()
    assert "release" not in await browser.page("/ui/ops/rejections")
    for path in ("release?code=honeypot", f"{rejection['id']}/release"):
        assert (await browser.post(f"/ui/ops/rejections/{path}")).status_code == 403
    assert await api.rejections() == [rejection]


async def test_a_reason_s_number_is_that_of_the_list_that_it_leads_to(api: Api, browser: Browser) -> None:
    nobody, broken = {"type": "track", "event": "E"}, {"type": "unheard", "anonymousId": "a1"}
    await api.batch(nobody, broken, key=api.keys["server"])
    await api.batch(nobody)
    source = (await api.told("/v1/rejections"))["data"][0]["source"]
    reasons = {each["code"] for each in (await api.told("/v1/rejections", source=source))["data"]}
    for reason in [None, *reasons]:
        chosen = {"source": source} | ({"code": reason} if reason else {})
        page = await browser.page(f"/ui/ops/rejections?{urlencode(chosen)}")
        tabs = page.partition('aria-label="By reason"')[2].partition("</nav>")[0]
        found = re.findall(r'<a href="([^"]*)"[^>]*>([\w-]+) <span class="num">(\d+)<', tabs)
        assert {code for _, code, _ in found} == reasons
        for href, _, count in found:
            wanted = parse_qs(urlsplit(unescape(href)).query)
            assert len((await api.told("/v1/rejections", **wanted))["data"]) == int(count)


async def test_a_key_is_shown_once(api: Api, admin: Browser) -> None:
    created = await admin.post("/ui/ops/keys", kind="read", name="reports")
    [secret] = SECRET.findall(created.text)
    assert (await api.client.get("/v1/leads", headers={"Authorization": f"Bearer {secret}"})).status_code == 200
    page = await admin.page("/ui/ops/keys")
    assert "reports" in page
    assert secret not in page


async def test_a_rotated_key_has_two_secrets_for_a_day(api: Api, admin: Browser) -> None:
    made = (await api.do("/v1/keys", {"kind": "read", "name": "reports"})).json()
    rotated = await admin.post(f"/ui/ops/keys/{made['key']['id']}/rotate")
    for secret in (made["secret"], SECRET.findall(rotated.text)[0]):
        assert (await api.client.get("/v1/leads", headers={"Authorization": f"Bearer {secret}"})).status_code == 200


async def test_revoking_asks_for_the_name(api: Api, admin: Browser) -> None:
    made = (await api.do("/v1/keys", {"kind": "read", "name": "reports"})).json()
    path = f"/ui/ops/keys/{made['key']['id']}/revoke"
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert "reports" in await admin.page(path)
    assert (await admin.post(path, name="report")).status_code == 422
    assert (await api.client.get("/v1/leads", headers=headers)).status_code == 200
    assert (await admin.post(path, name="reports")).status_code == 303
    assert (await api.client.get("/v1/leads", headers=headers)).status_code == 401
    assert (await admin.get(path)).status_code == 404


async def test_a_name_with_several_spaces_can_be_typed_as_it_is_shown(api: Api, admin: Browser) -> None:
    made = (await api.do("/v1/keys", {"kind": "read", "name": "weekly  reports"})).json()
    path = f"/ui/ops/keys/{made['key']['id']}/revoke"
    assert (await admin.post(path, name="weeklyreports")).status_code == 422
    assert (await admin.post(path, name="weekly reports")).status_code == 303


@pytest.mark.parametrize("path", ["/ui/ops/keys", "/ui/ops/deliveries", "/ui/ops/deliveries/replay"])
async def test_a_reader_manages_nothing(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status_code == 403
    assert (await browser.post(path, kind="read", name="mine")).status_code in (403, 404)
    assert "ops/keys" not in await browser.page("/ui/ops")


async def test_deliveries_without_webhooks_say_how_to_begin(admin: Browser) -> None:
    assert "leadscore webhooks create URL" in await admin.page("/ui/ops/deliveries")


async def test_a_replay_shows_the_count_first(api: Api, admin: Browser) -> None:
    page = await admin.page(f"/ui/ops/deliveries/replay?state=dead&webhook_id={uuid4()}")
    assert "Nothing to send again</h1>" in page
    assert "btn go" not in page
    done = await admin.post("/ui/ops/deliveries/replay", state="dead", webhook_id="", type="", lead_id="")
    assert (done.status_code, done.headers["location"]) == (303, "../deliveries")
