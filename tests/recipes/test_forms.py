"""What form builders send becomes the lead that docs/recipes/forms.md promises, from their own markup and payloads."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.harness import Api, accepted

PAYLOADS = Path(__file__).parent / "payloads"
FORM = "/v1/forms/contact"
ADA = {"email": "ada@example.com", "first_name": "Ada"}
LOVELACE = ADA | {"last_name": "Lovelace"}
NUMBER = "+44 20 7946 0018"

WEBHOOKS: dict[str, dict[str, Any]] = {
    "gravity-forms": LOVELACE | {"phone": NUMBER, "company": "Acme"},
    "webflow": LOVELACE | {"phone": "442079460018"},
    "webflow-v1": {"email": "ada@example.com", "name": "Ada Lovelace"},
    "hubspot": LOVELACE | {"phone": NUMBER, "company": "Acme", "lifecyclestage": "lead"},
    "hubspot-object": LOVELACE | {"company": "Acme", "hs_object_id": "39580875173"},
    "hubspot-customised": LOVELACE | {"phone": NUMBER, "company": "Acme"},
    "netlify": {
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "company": "Acme",
        "message": "I would like a demo.",
        "ip": "203.0.113.7",
        "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
        "referrer": "https://www.example.com/contact",
    },
    "typeform": ADA
    | {
        "phone": "+442079460018",
        "Which tools do you use?": ["CRM", "Chat", "Pigeons"],
        "Team size": "42",
        "May we write to you?": "true",
        "How did you hear of us?": "A friend",
        "utm_source": "newsletter",
    },
}


class Inputs(HTMLParser):
    """The fields that a browser sends of a form as it is filled in."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "input" and told.get("name"):
            self.fields.append((told["name"] or "", told.get("value") or ""))


async def post(api: Api, name: str, key: str | None = None) -> Any:
    """Post a payload as its sender does, with the key in the query, and give the lead's own traits."""
    path = f"{FORM}?writeKey={key or api.keys['write']}"
    if name.endswith(".html"):
        fields = Inputs((PAYLOADS / name).read_text()).fields
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"}
        answer = await api.client.post(path, content=urlencode(fields), headers=headers)
    else:
        headers = {"Content-Type": "application/json"}
        answer = await api.client.post(path, content=(PAYLOADS / name).read_bytes(), headers=headers)
    assert accepted(answer)[0] + accepted(answer)[1] == 1
    lead = await api.lead(email="ada@example.com")
    return {name: value for name, value in lead["traits"].items() if name not in ("email_domain", "email_kind")}


@pytest.mark.parametrize("name", WEBHOOKS)
async def test_a_builders_webhook_makes_the_lead(api: Api, name: str) -> None:
    assert await post(api, f"{name}.json") == WEBHOOKS[name]
    [event] = await api.events(email="ada@example.com")
    assert (event["name"], event["properties"]["form"]) == ("Form Submitted", "contact")


async def test_contact_form_7_makes_the_lead(api: Api) -> None:
    expected = {"email": "ada@example.com", "name": "Ada Lovelace", "phone": NUMBER, "topics": ["Pricing", "Support"]}
    assert await post(api, "contact-form-7.html") == expected


async def test_netlifys_markup_makes_the_lead(api: Api) -> None:
    expected = {"email": "ada@example.com", "name": "Ada Lovelace", "company": "Acme"}
    assert await post(api, "netlify.html") == expected


async def test_gravity_forms_numbers_are_mapped_by_the_key(api: Api) -> None:
    mapped = {"1.3": "first_name", "1.6": "last_name", "3": "phone", "4": "company"}
    key = await api.new_key("write", trait_map=mapped)
    traits = await post(api, "gravity-forms-all-fields.json", key)
    assert traits | WEBHOOKS["gravity-forms"] == traits


async def test_what_typeform_sends_again_counts_once(api: Api) -> None:
    for _ in range(2):
        await post(api, "typeform.json")
    assert len(await api.events(email="ada@example.com")) == 1


async def test_what_stands_beside_the_answers_is_a_property(web: Api) -> None:
    await post(web, "webflow.json")
    [event] = await web.events(email="ada@example.com")
    assert event["properties"] == {
        "First Name": "Ada",
        "Last Name": "Lovelace",
        "email": "ada@example.com",
        "Phone Number": "442079460018",
        "triggerType": "form_submission",
        "name": "Contact Us",
        "siteId": "65427cf400e02b306eaa049c",
        "submittedAt": "2026-03-10T12:00:00.000Z",
        "id": "6321ca84df3949bfc6752327",
        "formId": "65429eadebe8a9f3a30f62d0",
        "formElementId": "4e038d2c-6a1e-4953-7be9-a59a2b453177",
        "form": "contact",
    }


def test_every_payload_is_posted() -> None:
    posted = {*WEBHOOKS, "gravity-forms-all-fields"}
    assert {file.stem for file in PAYLOADS.glob("*.json")} == posted
    assert all(json.loads(file.read_text()) for file in PAYLOADS.glob("*.json"))
