"""HTML forms over HTTP: each way in which a browser writes one, and what the browser or a script is answered."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from httpx import Response

from tests.api.harness import PAGE, Api, accepted, assert_problem, running

FORM = "/v1/forms/contact"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
ADA = {"email": "ada@example.com", "name": "Ada"}


async def submit(api: Api, fields: Any = None, *, path: str = FORM, **headers: str) -> Response:
    """As a page without scripts does: urlencoded, the key among the fields."""
    told = {"writeKey": api.keys["write"]} | (ADA if fields is None else fields)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.client.post(path, data=told, headers=named)


async def only_event(api: Api, email: str = "ada@example.com") -> Any:
    [event] = await api.events(email=email)
    return event


# --- Encodings --------------------------------------------------------------------------------------------------


async def test_a_urlencoded_form_becomes_an_event_and_traits(api: Api) -> None:
    assert accepted(await submit(api)) == (1, 0)
    event = await only_event(api)
    assert (event["name"], event["properties"]) == ("Form Submitted", ADA | {"form": "contact"})
    assert (await api.lead(email="ada@example.com"))["traits"]["name"] == "Ada"


async def test_urlencoding_is_read_as_browsers_write_it(web: Api) -> None:
    body = f"writeKey={web.keys['write']}&email=ada%40example.com&name=Ada+C%C3%A9&properties%5Bplan%5D=pro&tag=a&tag=b"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    accepted(await web.client.post(FORM, content=body, headers=headers))
    event = await only_event(web)
    assert event["properties"] == {
        "email": "ada@example.com",
        "name": "Ada Cé",
        "plan": "pro",
        "tag": ["a", "b"],
        "form": "contact",
    }
    assert "plan" not in event["traits"]


async def test_a_multipart_form_is_read(api: Api) -> None:
    parts = {name: (None, value) for name, value in (ADA | {"writeKey": api.keys["write"]}).items()}
    assert accepted(await api.client.post(FORM, files=parts)) == (1, 0)
    assert (await only_event(api))["properties"] == ADA | {"form": "contact"}


async def test_a_plain_text_form_is_read(web: Api) -> None:
    body = f"writeKey={web.keys['write']}\r\nemail=ada@example.com\r\nmessage=first line\r\nsecond line\r\n"
    accepted(await web.client.post(FORM, content=body, headers={"Content-Type": "text/plain"}))
    assert (await only_event(web))["properties"]["message"] == "first line\r\nsecond line"


async def test_a_form_as_json_is_read_whatever_its_type(web: Api) -> None:
    fields = ADA | {"writeKey": web.keys["write"], "seats": 5, "terms": None, "tags": ["a", "b"]}
    accepted(await web.client.post(FORM, content=json.dumps(fields), headers={"Content-Type": "text/plain"}))
    properties = (await only_event(web))["properties"]
    assert properties == ADA | {"seats": "5", "tags": ["a", "b"], "form": "contact"}


async def test_nested_json_is_refused(web: Api) -> None:
    answer = await web.client.post(FORM, json={"writeKey": web.keys["write"], "who": {"email": "x"}})
    assert_problem(answer, 422, "validation-error")


async def test_a_json_list_is_refused(web: Api) -> None:
    assert_problem(await web.send(FORM, [ADA]), 422, "validation-error")


@pytest.mark.parametrize("content_type", ["image/png", "application/xml", None])
async def test_other_types_are_refused(web: Api, content_type: str | None) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    assert_problem(await web.post(FORM, b"email=ada", **headers), 415, "unsupported-media-type")


async def test_a_multipart_body_cut_off_is_refused(web: Api) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@exa'
    answer = await web.post(FORM, body, Content_Type="multipart/form-data; boundary=b")
    assert_problem(answer, 400, "malformed-request")


async def test_too_many_fields_are_refused(web: Api) -> None:
    body = urlencode([("a", str(number)) for number in range(1_001)]).encode()
    answer = await web.post(FORM, body, Content_Type="application/x-www-form-urlencoded")
    assert_problem(answer, 400, "malformed-request")


async def test_a_file_is_refused_and_nothing_of_it_kept(web: Api) -> None:
    files = {"cv": ("cv.txt", b"the marker in a file")}
    answer = await web.client.post(FORM, data=ADA | {"writeKey": web.keys["write"]}, files=files)
    document = assert_problem(answer, 422, "validation-error")
    assert "file" in document["detail"].lower()
    assert "marker" not in answer.text
    assert await web.rejections() == []


async def test_a_file_input_left_empty_is_no_file(web: Api) -> None:
    key = web.keys["write"]
    parts = f'--b\r\nContent-Disposition: form-data; name="writeKey"\r\n\r\n{key}\r\n'
    parts += '--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n'
    parts += '--b\r\nContent-Disposition: form-data; name="cv"; filename=""\r\nContent-Type: application/octet-stream'
    parts += "\r\n\r\n\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert accepted(await web.client.post(FORM, content=parts, headers=headers)) == (1, 0)


# --- Fields -----------------------------------------------------------------------------------------------------


async def test_a_form_names_its_event_and_its_people(web: Api) -> None:
    told = {"event": "Webinar Registered", "userId": "u1", "anonymousId": "a1", "messageId": "m1", "topic": "x"}
    accepted(await submit(web, told))
    [event] = await web.events(user_id="u1")
    assert (event["name"], event["message_id"], event["properties"]) == (
        "Webinar Registered",
        "m1",
        {"topic": "x", "form": "contact"},
    )
    assert (await web.lead(anonymous_id="a1"))["identities"]["user_id"] == ["u1"]


async def test_a_form_sent_twice_with_a_message_id_counts_once(api: Api) -> None:
    told = ADA | {"messageId": "m1"}
    assert accepted(await submit(api, told)) == (1, 0)
    assert accepted(await submit(api, told)) == (0, 1)


async def test_an_address_that_had_to_be_repeated_is_one(web: Api) -> None:
    accepted(await submit(web, {"email": ["ada@example.com"] * 2, "tag": ["a", "b"]}))
    assert (await only_event(web))["properties"] == {"email": "ada@example.com", "tag": ["a", "b"], "form": "contact"}


async def test_a_number_that_no_float_holds_is_refused(web: Api) -> None:
    body = f'{{"writeKey": "{web.keys["write"]}", "email": "ada@example.com", "seats": 1e999}}'
    assert_problem(await web.client.post(FORM, content=body), 422, "validation-error")


async def test_an_email_alone_makes_a_lead(api: Api) -> None:
    accepted(await submit(api, {"email": "ADA@example.com "}))
    lead = await api.lead(email="ada@example.com")
    assert (lead["stage"], lead["identities"]) == (
        "lead",
        {"user_id": [], "email": ["ada@example.com"], "phone": [], "anonymous_id": []},
    )


async def test_a_form_that_names_nobody_is_refused_and_kept(web: Api) -> None:
    assert_problem(await submit(web, {"colour": "red"}), 400, "invalid-identity")
    assert [item["code"] for item in await web.rejections()] == ["invalid-identity"]


async def test_a_field_with_a_nul_is_refused(api: Api) -> None:
    assert_problem(await submit(api, ADA | {"note": "a\0b"}), 400, "invalid-characters")


async def test_the_page_that_held_the_form_is_the_events_context(web: Api) -> None:
    accepted(await submit(web, Referer="https://www.example.com/pricing?utm_source=news"))
    assert (await only_event(web))["context"]["page"]["url"] == "https://www.example.com/pricing?utm_source=news"


@pytest.mark.parametrize("referer", ["https://www.example.com/", "https://www.example.com", "https://["])
async def test_an_origin_is_no_page_and_tells_no_source(web: Api, referer: str) -> None:
    accepted(await submit(web, Referer=referer))
    assert (await only_event(web))["context"] == {}
    assert (await web.told("/v1/leads"))["data"][0]["source"] is None


async def test_a_form_name_that_is_too_long_is_refused(web: Api) -> None:
    assert_problem(await submit(web, path="/v1/forms/" + "f" * 101), 422, "validation-error")


# --- Keys -------------------------------------------------------------------------------------------------------


async def test_the_key_may_stand_in_the_query(web: Api) -> None:
    answer = await web.client.post(f"{FORM}?writeKey={web.keys['write']}", data=ADA)
    assert accepted(answer) == (1, 0)


async def test_the_key_may_stand_in_the_header(web: Api) -> None:
    answer = await web.client.post(FORM, data=ADA, headers=web.bearer("server"))
    assert accepted(answer) == (1, 0)


async def test_a_secret_key_is_refused_as_a_field(web: Api) -> None:
    answer = await web.client.post(FORM, data=ADA | {"writeKey": web.keys["server"]})
    assert_problem(answer, 403, "insufficient-scope")


async def test_a_form_without_a_key_is_401(web: Api) -> None:
    document = assert_problem(await web.client.post(FORM, data=ADA), 401, "invalid-key")
    assert document["code"] == "invalid-key"


async def test_a_form_of_a_page_that_the_key_does_not_list_is_refused(web: Api) -> None:
    key = await web.new_key("write", origins=[PAGE])
    answer = await submit(web, ADA | {"writeKey": key}, Origin="https://elsewhere.example")
    assert_problem(answer, 403, "origin-not-allowed")


# --- Answers ----------------------------------------------------------------------------------------------------


async def test_a_browser_sees_a_page_and_a_script_json(web: Api) -> None:
    shown = await submit(web, **BROWSER)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Thank you</h1>" in shown.text
    assert (await submit(web, Accept="application/json")).json()["success"] is True


async def test_a_browser_sees_a_page_where_the_form_was_refused(web: Api) -> None:
    shown = await submit(web, {"colour": "the marker"}, **BROWSER)
    assert (shown.status_code, shown.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "marker" not in shown.text
    assert "look at what you filled in" in shown.text


async def test_a_browser_is_asked_for_no_password_and_told_when_to_come_back(web: Api) -> None:
    shown = await web.client.post(FORM, data=ADA, headers=BROWSER)
    assert (shown.status_code, shown.headers.get("www-authenticate")) == (401, None)
    web.runtime.writer.close()
    shown = await submit(web, **BROWSER)
    assert (shown.status_code, shown.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert int(shown.headers["retry-after"]) >= 1


async def test_a_browser_is_sent_on_to_where_the_settings_allow(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        target = f"{PAGE}/thanks?a=1#top"
        answer = await submit(web, ADA | {"_next": target}, **BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, target)
        assert "_next" not in (await only_event(web))["properties"]


async def test_a_script_is_not_sent_on(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        assert accepted(await submit(web, ADA | {"_next": f"{PAGE}/thanks"}, Accept="application/json")) == (1, 0)


async def test_a_keys_own_pages_may_be_gone_on_to(web: Api) -> None:
    key = await web.new_key("write", origins=[PAGE])
    answer = await submit(web, ADA | {"writeKey": key, "_next": f"{PAGE}/thanks"}, Origin=PAGE, **BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}/thanks")


UNSAFE = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "/thanks",
    "javascript:alert(1)",
    f"{PAGE}@elsewhere.example/",
    f"{PAGE}.elsewhere.example/",
    f"{PAGE}:8443/",
    f"{PAGE}\\@elsewhere.example/",
    "https:/\\elsewhere.example",
    "http://www.example.com/",
    "https://[",
    f"{PAGE}/a\r\nSet-Cookie: a=1",
    f" {PAGE}/",
]


async def test_a_browser_is_sent_nowhere_else(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        for target in UNSAFE:
            shown = await submit(web, ADA | {"_next": target}, **BROWSER)
            assert (shown.status_code, shown.headers.get("location")) == (422, None), target
            assert_problem(await submit(web, ADA | {"_next": target}), 422, "unsafe-redirect")
        assert (await web.told("/v1/leads"))["data"] == []


async def test_a_form_that_would_lead_elsewhere_is_kept_and_its_visitor_not_blamed(web: Api) -> None:
    shown = await submit(web, ADA | {"_next": UNSAFE[0]}, **BROWSER)
    assert "not your fault" in shown.text
    [kept] = await web.rejections()
    assert (kept["code"], "ada@example.com" in kept["body"]) == ("unsafe-redirect", True)


async def test_a_bot_learns_nothing_and_changes_nothing(api: Api) -> None:
    honest = await submit(api, {"email": "bob@example.com"})
    caught = await submit(api, ADA | {"_gotcha": "buy"})
    assert (caught.status_code, caught.content) == (honest.status_code, honest.content)
    assert (await api.ask("/v1/leads/lookup", email="ada@example.com")).status_code == 404
    assert [item["code"] for item in await api.rejections()] == ["honeypot"]


async def test_a_bot_is_sent_on_like_anybody(sqlite_url: str) -> None:
    async with running(sqlite_url, form_redirects=PAGE) as web:
        answer = await submit(web, ADA | {"_gotcha": "buy", "_next": f"{PAGE}/thanks"}, **BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}/thanks")


async def test_an_empty_honeypot_is_no_bot(web: Api) -> None:
    accepted(await submit(web, ADA | {"_gotcha": ""}))
    assert (await only_event(web))["properties"] == ADA | {"form": "contact"}
