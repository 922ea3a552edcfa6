"""Who is who, over HTTP: shared browsers, one mailbox, phone numbers, and ids that mean nobody."""

from typing import Any

import pytest
from httpx import Response

from tests.api.harness import Api, accepted, assert_problem, page_view, running, track


async def submit(api: Api, **fields: str) -> Response:
    return await api.client.post("/v1/forms/booth", data=fields | {"writeKey": api.keys["write"]})


def identify(**fields: Any) -> dict[str, Any]:
    return {"type": "identify"} | fields


# --- Shared browsers --------------------------------------------------------------------------------------------


async def test_three_forms_on_one_tablet_are_three_leads(api: Api) -> None:
    people = {"ada@x.example": "Ada", "bea@x.example": "Bea", "cleo@x.example": "Cleo"}
    for email, name in people.items():
        accepted(await submit(api, email=email, name=name, anonymousId="tablet"))
    leads = {email: await api.lead(email=email) for email in people}
    assert {email: lead["traits"]["name"] for email, lead in leads.items()} == people
    assert (await api.lead(anonymous_id="tablet"))["id"] == leads["ada@x.example"]["id"]


async def test_signing_up_with_the_address_of_a_form_is_one_lead(api: Api) -> None:
    accepted(await submit(api, email="ada@x.example", anonymousId="a1"))
    accepted(await api.batch(identify(userId="u1", anonymousId="a2", traits={"email": "Ada@x.example"})))
    lead = await api.lead(user_id="u1")
    assert (lead["event_count"], lead["identities"]["anonymous_id"]) == (2, ["a1", "a2"])


async def test_only_an_alias_from_a_secret_key_joins_two_addresses(api: Api) -> None:
    for email in ("ada@x.example", "ada@y.example"):
        accepted(await submit(api, email=email))
    alias = {"type": "alias", "userId": "ada@x.example", "previousId": "Ada@Y.example"}
    accepted(await api.batch(alias))
    assert (await api.lead(email="ada@x.example"))["id"] != (await api.lead(email="ada@y.example"))["id"]
    accepted(await api.batch(alias, key=api.keys["server"]))
    assert (await api.lead(email="ada@x.example"))["id"] == (await api.lead(email="ada@y.example"))["id"]


# --- One mailbox ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "writing"),
    [
        ("x@gmail.com", "x@gmail.com\u200b"),
        ("x@gmail.com", "X@Gmail.com,"),
        ("x@gmail.com", "Xena <x@gmail.com>"),
        ("x@münchen.example", "x@xn--mnchen-3ya.example"),
    ],
)
async def test_a_mailbox_is_one_lead_however_it_is_spelled(api: Api, address: str, writing: str) -> None:
    accepted(await submit(api, email=address))
    accepted(await submit(api, email=writing))
    for asked in (address, writing):
        lead = await api.lead(email=asked)
        assert (lead["event_count"], lead["identities"]["email"]) == (2, [address])
    assert lead["traits"]["email_kind"] == ("free" if "gmail" in address else "work")


async def test_a_user_id_that_is_an_address_identifies_its_owner(api: Api) -> None:
    accepted(await submit(api, email="ada@x.example"))
    accepted(await api.batch(track(userId="ada@x.example")))
    assert (await api.lead(email="ada@x.example"))["event_count"] == 2


# --- Phone numbers ----------------------------------------------------------------------------------------------


async def test_a_phone_number_alone_makes_a_lead(api: Api) -> None:
    accepted(await submit(api, phone="+49 (0)30 123456", name="Ada"))
    accepted(await api.batch(identify(traits={"phone": "0049 30 123456"})))
    lead = await api.lead(phone="tel:+49-30-123456")
    assert (lead["event_count"], lead["identities"]["phone"]) == (2, ["+4930123456"])


async def test_a_shared_phone_number_joins_no_known_people(api: Api) -> None:
    for email in ("ada@x.example", "bea@x.example"):
        accepted(await submit(api, email=email, phone="+49 30 123456"))
    assert (await api.lead(phone="+4930123456"))["identities"]["email"] == ["ada@x.example"]
    assert (await api.lead(email="bea@x.example"))["identities"]["phone"] == []


async def test_a_number_without_country_code_belongs_to_the_region(database_url: str) -> None:
    async with running(database_url, phone_region="DE") as api:
        accepted(await submit(api, phone="030 123456"))
        accepted(await api.send("/v1/identify", {"traits": {"phone": "(030) 123456"}}))
        accepted(await api.batch(identify(traits={"phone": "+49 30 123456"})))
        assert (await api.lead(phone="030/123456"))["event_count"] == 3
        asked = {"identities": [{"phone": "030 123456"}, {"phone": "0171 1234567"}]}
        found = (await api.do("/v1/leads/lookup", asked, "read")).json()["data"]
    assert [(each["identity"], each["lead"] is None) for each in found] == [
        ({"phone": "+4930123456"}, False),
        ({"phone": "+491711234567"}, True),
    ]


async def test_without_a_region_such_a_number_is_only_a_trait(web: Api) -> None:
    refusal = assert_problem(await submit(web, phone="030 123456"), 400, "invalid-identity")
    assert "write its `phone` in international form" in refusal["detail"]
    accepted(await submit(web, email="ada@x.example", phone="030 123456"))
    lead = await web.lead(email="ada@x.example")
    assert (lead["traits"]["phone"], lead["identities"]["phone"]) == ("030 123456", [])


async def test_a_plus_lost_in_a_query_is_explained(web: Api) -> None:
    for query in ("phone=+4930123456", "phone=4930123456", "email=ada+tag@x.example"):
        answer = await web.client.get(f"/v1/leads/lookup?{query}", headers=web.bearer("read"))
        assert "`+` is written %2B" in assert_problem(answer, 422, "validation-error")["detail"]


# --- Nobody -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nobody", ["id", "email", "distinct_id", "not_authenticated", "{{user_id}}", "${userId}", "\u200b"]
)
@pytest.mark.parametrize("field", ["userId", "anonymousId"])
async def test_a_placeholder_id_is_refused(web: Api, field: str, nobody: str) -> None:
    assert_problem(await web.batch(page_view(**{field: nobody})), 400, "invalid-identity")


async def test_invisible_characters_do_not_make_a_second_person(api: Api) -> None:
    accepted(await api.batch(track(userId="u1"), track(userId="\ufeffu1\u200b ")))
    assert (await api.lead(user_id="u1"))["event_count"] == 2
