"""Keeps HubSpot's contacts up to date with leadscore.

    pip install httpx
    URL=https://leads.example.com READ_KEY=ls_read_… HUBSPOT_TOKEN=pat-… python hubspot.py [--once]

Needs crm_sync.py in the same folder, and the access token of a private app with the scopes crm.objects.contacts.read,
crm.objects.contacts.write, crm.schemas.contacts.read and crm.schemas.contacts.write. Creates its properties itself.

Contacts are matched by any of a lead's email addresses. If several contacts match, leadscore has learned that they are
one person, and they are merged: HubSpot can't undo that. Names and companies are set on new contacts only, so that what
sales has corrected stays. HubSpot moves a lifecycle stage forward and ignores a move backward; `leadscore_stage` always
shows the current stage.
"""

import os
from typing import Any

import httpx
from crm_sync import Lead, client, main

PROPERTIES = {
    "leadscore_id": "string",
    "leadscore_stage": "string",
    "leadscore_engagement": "number",
    "leadscore_fit": "number",
}
LIFECYCLE_STAGES = {
    "interest": "subscriber",
    "lead": "lead",
    "mql": "marketingqualifiedlead",
    "pql": "marketingqualifiedlead",
    "sql": "salesqualifiedlead",
    "customer": "customer",
    "service_qualified": "customer",
}
CONTACTS = "/crm/v3/objects/contacts"
BATCH = 100


class Hubspot:
    rejections = ("INVALID_EMAIL",)

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def create_properties(self) -> None:
        for name, kind in PROPERTIES.items():
            labels = {"name": name, "label": name.replace("_", " "), "groupName": "contactinformation"}
            types = {"type": kind, "fieldType": "number" if kind == "number" else "text"}
            answer = self._http.post("/crm/v3/properties/contacts", json=labels | types)
            if answer.status_code != httpx.codes.CONFLICT:  # it exists already
                answer.raise_for_status()

    def upsert(self, leads: list[Lead]) -> None:
        contacts = self._contacts([email for lead in leads for email in lead.emails])
        inputs = {}  # by address: two leads may match one contact, and HubSpot takes a contact only once per request
        for lead in leads:
            found = {contacts[email]["id"]: contacts[email] for email in lead.emails if email in contacts}
            email = self._merge(list(found.values())) if found else lead.emails[0]
            properties = scores(lead) | ({} if found else details(lead))
            inputs[email] = {"idProperty": "email", "id": email, "properties": properties}
        self._post("/batch/upsert", {"inputs": list(inputs.values())})

    def delete(self, lead_id: str) -> None:
        """Archives the contact: HubSpot can restore it for 90 days."""
        by_id = {"propertyName": "leadscore_id", "operator": "EQ", "value": lead_id}
        for contact in self._post("/search", {"filterGroups": [{"filters": [by_id]}]})["results"]:
            self._http.delete(f"{CONTACTS}/{contact['id']}").raise_for_status()

    def _contacts(self, emails: list[str]) -> dict[str, Any]:
        """The contacts that exist, by each of their addresses."""
        contacts: dict[str, Any] = {}
        for start in range(0, len(emails), BATCH):
            inputs = [{"id": email} for email in emails[start : start + BATCH]]
            wanted = {"idProperty": "email", "properties": ["email", "hs_additional_emails"], "inputs": inputs}
            for contact in self._post("/batch/read", wanted)["results"]:
                primary, others = (contact["properties"].get(name) for name in wanted["properties"])
                contacts |= dict.fromkeys([primary, *(others or primary).split(";")], contact)
        return contacts

    def _merge(self, contacts: list[dict[str, Any]]) -> str:
        """Merges a person's contacts into the first, whose address is returned. The result may have a new id."""
        primary, *others = contacts
        primary_id = primary["id"]
        for other in others:
            ids = {"primaryObjectId": primary_id, "objectIdToMerge": other["id"]}
            primary_id = self._post("/merge", ids)["id"]
        email: str = primary["properties"]["email"]
        return email

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._http.post(CONTACTS + path, json=body).raise_for_status().json()


def scores(lead: Lead) -> dict[str, str]:
    properties = {"leadscore_id": lead.id, "leadscore_stage": lead.stage}
    properties |= {f"leadscore_{name}": str(value) for name, value in lead.scores.items()}
    if lead.stage in LIFECYCLE_STAGES:
        properties["lifecyclestage"] = LIFECYCLE_STAGES[lead.stage]
    return {name: value for name, value in properties.items() if name in {*PROPERTIES, "lifecyclestage"}}


def details(lead: Lead) -> dict[str, str]:
    names = {"firstname": "first_name", "lastname": "last_name", "company": "company", "phone": "phone"}
    return {name: str(lead.traits[trait]) for name, trait in names.items() if lead.traits.get(trait)}


if __name__ == "__main__":
    bearer = {"Authorization": f"Bearer {os.environ['HUBSPOT_TOKEN']}"}
    hubspot = Hubspot(client(os.environ.get("HUBSPOT_URL", "https://api.hubapi.com"), bearer))
    hubspot.create_properties()
    main(hubspot)
