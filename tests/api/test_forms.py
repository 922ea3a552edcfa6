"""HTML forms over HTTP: each way in which a browser writes one, and what becomes of its fields."""

import json
from urllib.parse import urlencode

import pytest

from tests.api.forms import ADA, FORM, only_event, submit
from tests.api.harness import PAGE, Api, accepted, assert_problem

# --- Encodings --------------------------------------------------------------------------------------------------


async def test_a_urlencoded_form_becomes_an_event_and_traits(api: Api) -> None:
    assert accepted(await submit(api)) == (1, 0)
    event = await only_event(api)
    assert (event["name"], event["properties"]) == ("Form Submitted", ADA | {"form": "contact"})
    assert (await api.lead(email="ada@example.com"))["traits"]["name"] == "Ada"


async def test_urlencoding_is_decoded_as_browsers_encode_it(web: Api) -> None:
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


async def test_a_json_form_is_read_whatever_its_content_type(web: Api) -> None:
    fields = ADA | {"writeKey": web.keys["write"], "seats": 5, "terms": None, "tags": ["a", "b"]}
    accepted(await web.client.post(FORM, content=json.dumps(fields), headers={"Content-Type": "text/plain"}))
    properties = (await only_event(web))["properties"]
    assert properties == ADA | {"seats": "5", "tags": ["a", "b"], "form": "contact"}


async def test_nested_json_is_read_too(web: Api) -> None:
    who = {"email": "ada@example.com", "plans": {"team": True}}
    accepted(await web.client.post(FORM, json={"writeKey": web.keys["write"], "who": who}))
    properties = (await only_event(web))["properties"]
    assert properties == {"who.email": "ada@example.com", "who.plans.team": "true", "form": "contact"}


async def test_a_json_list_is_refused(web: Api) -> None:
    assert_problem(await web.send(FORM, [ADA]), 422, "validation-error")


@pytest.mark.parametrize("content_type", ["image/png", "application/xml", None])
async def test_other_content_types_are_refused(web: Api, content_type: str | None) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    assert_problem(await web.post(FORM, b"email=ada", **headers), 415, "unsupported-media-type")


async def test_a_truncated_multipart_body_is_refused(web: Api) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@exa'
    answer = await web.post(FORM, body, Content_Type="multipart/form-data; boundary=b")
    assert_problem(answer, 400, "malformed-request")


async def test_too_many_fields_are_refused(web: Api) -> None:
    body = urlencode([("a", str(number)) for number in range(1_001)]).encode()
    answer = await web.post(FORM, body, Content_Type="application/x-www-form-urlencoded")
    assert_problem(answer, 400, "malformed-request")


async def test_a_file_is_refused_and_not_stored(web: Api) -> None:
    files = {"cv": ("cv.txt", b"the marker in a file")}
    answer = await web.client.post(FORM, data=ADA | {"writeKey": web.keys["write"]}, files=files)
    document = assert_problem(answer, 422, "validation-error")
    assert "file" in document["detail"].lower()
    assert "marker" not in answer.text
    assert await web.rejections() == []


async def test_an_empty_file_input_is_not_a_file(web: Api) -> None:
    key = web.keys["write"]
    parts = f'--b\r\nContent-Disposition: form-data; name="writeKey"\r\n\r\n{key}\r\n'
    parts += '--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n'
    parts += '--b\r\nContent-Disposition: form-data; name="cv"; filename=""\r\nContent-Type: application/octet-stream'
    parts += "\r\n\r\n\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert accepted(await web.client.post(FORM, content=parts, headers=headers)) == (1, 0)


async def test_a_form_is_read_in_its_own_charset(api: Api) -> None:
    body = f"writeKey={api.keys['write']}&email=ada%40example.com&name=Ren%E9&note=%26%238364%3B".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=iso-8859-15"}
    accepted(await api.client.post(FORM, content=body, headers=headers))
    properties = (await only_event(api))["properties"]
    assert properties == {"email": "ada@example.com", "name": "Ren\xe9", "note": "\u20ac", "form": "contact"}


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


async def test_an_address_entered_twice_is_one_address(web: Api) -> None:
    accepted(await submit(web, {"email": ["ada@example.com"] * 2, "tag": ["a", "b"]}))
    assert (await only_event(web))["properties"] == {"email": "ada@example.com", "tag": ["a", "b"], "form": "contact"}


async def test_two_different_addresses_still_make_a_lead(api: Api) -> None:
    accepted(await submit(api, {"email": ["ada@example.com", "bob@example.com"], "E-Mail": "carl@example.com"}))
    event = await only_event(api)
    assert event["properties"]["email"] == ["ada@example.com", "bob@example.com"]
    assert (await api.lead(email="ada@example.com"))["identities"]["email"] == ["ada@example.com"]


async def test_the_keys_map_assigns_fields_to_traits(api: Api) -> None:
    key = await api.new_key("write", trait_map={"Ihre Firma": "company", "Adresse": "email"})
    accepted(await submit(api, {"writeKey": key, "adresse": "ada@example.com", "ihre firma ": "Acme"}))
    lead = await api.lead(email="ada@example.com")
    assert lead["traits"] | {"company": "Acme", "email": "ada@example.com"} == lead["traits"]


@pytest.mark.parametrize("told", [{"userId": "null"}, {"_gotcha": "buy"}, {"_next": "https://other.example"}])
async def test_secrets_in_a_refused_form_are_not_stored(web: Api, told: dict[str, str]) -> None:
    await submit(web, ADA | {"password": "marker1", "card": "4111 1111 1111 1111", "_token": "marker2"} | told)
    [kept] = await web.rejections()
    assert "ada@example.com" in kept["body"]
    assert not any(secret in kept["body"] for secret in ("marker1", "4111", "marker2"))


async def test_a_number_too_large_for_a_float_is_refused(web: Api) -> None:
    body = f'{{"writeKey": "{web.keys["write"]}", "email": "ada@example.com", "seats": 1e999}}'
    assert_problem(await web.client.post(FORM, content=body), 422, "validation-error")


async def test_an_email_alone_makes_a_lead(api: Api) -> None:
    accepted(await submit(api, {"email": "ADA@example.com "}))
    lead = await api.lead(email="ada@example.com")
    assert (lead["stage"], lead["identities"]) == (
        "lead",
        {"user_id": [], "email": ["ada@example.com"], "phone": [], "anonymous_id": []},
    )


async def test_a_form_without_an_identity_is_refused_and_kept(web: Api) -> None:
    assert_problem(await submit(web, {"colour": "red"}), 400, "invalid-identity")
    assert [item["code"] for item in await web.rejections()] == ["invalid-identity"]


async def test_a_nul_in_a_field_is_replaced(api: Api) -> None:
    accepted(await submit(api, ADA | {"note": "a\0b"}))
    assert (await only_event(api))["properties"]["note"] == "a\ufffdb"


async def test_the_page_with_the_form_is_in_the_events_context(web: Api) -> None:
    accepted(await submit(web, Referer="https://www.example.com/pricing?utm_source=news"))
    assert (await only_event(web))["context"]["page"]["url"] == "https://www.example.com/pricing?utm_source=news"


@pytest.mark.parametrize("referer", ["https://www.example.com/", "https://www.example.com", "https://["])
async def test_a_referer_that_is_only_an_origin_sets_no_page_and_no_source(web: Api, referer: str) -> None:
    accepted(await submit(web, Referer=referer))
    assert (await only_event(web))["context"] == {}
    assert (await web.told("/v1/leads"))["data"][0]["source"] is None


async def test_a_form_name_that_is_too_long_is_refused(web: Api) -> None:
    assert_problem(await submit(web, path="/v1/forms/" + "f" * 101), 422, "validation-error")


# --- Keys -------------------------------------------------------------------------------------------------------


async def test_the_key_may_be_in_the_query(web: Api) -> None:
    answer = await web.client.post(f"{FORM}?writeKey={web.keys['write']}", data=ADA)
    assert accepted(answer) == (1, 0)


async def test_the_key_may_be_in_the_header(web: Api) -> None:
    answer = await web.client.post(FORM, data=ADA, headers=web.bearer("server"))
    assert accepted(answer) == (1, 0)


async def test_a_secret_key_in_a_field_is_refused(web: Api) -> None:
    answer = await web.client.post(FORM, data=ADA | {"writeKey": web.keys["server"]})
    assert_problem(answer, 403, "insufficient-scope")


async def test_a_form_without_a_key_is_401(web: Api) -> None:
    document = assert_problem(await web.client.post(FORM, data=ADA), 401, "invalid-key")
    assert document["code"] == "invalid-key"


async def test_a_form_from_a_page_the_key_does_not_list_is_refused(web: Api) -> None:
    key = await web.new_key("write", origins=[PAGE])
    answer = await submit(web, ADA | {"writeKey": key}, Origin="https://elsewhere.example")
    assert_problem(answer, 403, "origin-not-allowed")
