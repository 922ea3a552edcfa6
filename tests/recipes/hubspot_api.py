"""HubSpot's contacts, as its public documentation describes them.

developers.hubspot.com/docs/api-reference/legacy/crm/objects/contacts: batch/upsert-contacts, batch/read, search,
merge-contacts, delete-contact; …/legacy/crm/properties; …/error-handling; …/docs/api/usage-details (429). That the
lifecycle stage moves backward only once it is cleared is from post-contacts-v1-contact-email-email-profile; HubSpot
doesn't say whether a read by a secondary address finds the contact, so `finds_secondary_emails` chooses.
"""

from typing import Any
from uuid import uuid4

from fastapi import Request, Response

from tests.recipes.vendors import Vendor, answer, has_bearer

TOKEN = "pat-eu1-test"
STAGES = ["subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer"]
BUILT_IN = {"email", "firstname", "lastname", "company", "phone", "lifecyclestage", "hs_additional_emails"}
MAX_INPUTS = 100

Contact = dict[str, str]


class HubspotApi(Vendor):
    """`contacts` are properties by record id."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, Contact] = {}
        self.properties = set(BUILT_IN)
        self.finds_secondary_emails = True
        contacts = "/crm/v3/objects/contacts"
        self.app.post("/crm/v3/properties/contacts")(self.create_property)
        self.app.post(f"{contacts}/batch/upsert")(self.batch_upsert)
        self.app.post(f"{contacts}/batch/read")(self.batch_read)
        self.app.post(f"{contacts}/search")(self.search)
        self.app.post(f"{contacts}/merge")(self.merge)
        self.app.delete(f"{contacts}/{{contact_id}}")(self.delete)

    def is_authorized(self, request: Request) -> bool:
        return has_bearer(request, TOKEN)

    def unauthorized(self) -> Response:
        return problem(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def rate_limited(self) -> Response:
        message = "You have reached your ten_secondly_rolling limit."
        body = {"status": "error", "message": message, "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
        return answer(429, body, Retry_After=str(self.retry_after_s))

    def create_property(self, body: dict[str, Any]) -> Response:
        if not {"name", "label", "groupName", "type", "fieldType"} <= body.keys():
            return problem(400, "VALIDATION_ERROR", "Invalid input JSON: some required fields were not set")
        if body["name"] in self.properties:
            return problem(409, "OBJECT_ALREADY_EXISTS", f"A property named '{body['name']}' already exists.")
        self.properties.add(body["name"])
        return answer(201, body)

    def batch_upsert(self, body: dict[str, list[dict[str, Any]]]) -> Response:
        inputs = body["inputs"]
        if fault := self._fault(inputs):
            return fault
        results = []
        for each in inputs:
            contact_id = self._find(each["id"]) or new_id()
            is_new = contact_id not in self.contacts
            contact = self.contacts.setdefault(contact_id, {"email": each["id"]})
            contact |= {
                name: value for name, value in each["properties"].items() if moves_forward(contact, name, value)
            }
            results.append({"id": contact_id, "properties": contact, "new": is_new, "archived": False})
        return answer(200, {"status": "COMPLETE", "results": results})

    def _fault(self, inputs: list[dict[str, Any]]) -> Response | None:
        """All of a batch is refused for one input."""
        ids = [each["id"] for each in inputs]
        if len(ids) > MAX_INPUTS or len(set(ids)) < len(ids):
            return problem(400, "VALIDATION_ERROR", "Too many inputs, or duplicate IDs found in batch input")
        for each in inputs:
            if each["idProperty"] != "email" or each["id"].endswith(".invalid"):
                return problem(400, "VALIDATION_ERROR", f"Email address {each['id']} is invalid: INVALID_EMAIL")
            for name, value in each["properties"].items():
                if name not in self.properties or not isinstance(value, str):
                    return problem(400, "VALIDATION_ERROR", f'Property "{name}": PROPERTY_DOESNT_EXIST')
        return None

    def batch_read(self, body: dict[str, Any]) -> Response:
        assert body["idProperty"] == "email"
        assert len(body["inputs"]) <= MAX_INPUTS
        found = [self._find(each["id"], secondary=self.finds_secondary_emails) for each in body["inputs"]]
        wanted = {contact_id: self._view(contact_id, body["properties"]) for contact_id in found if contact_id}
        missing = {"numErrors": 1, "errors": [{"status": "error", "category": "OBJECT_NOT_FOUND"}]}
        body = {"status": "COMPLETE", "results": list(wanted.values())}
        return answer(207, body | missing) if None in found else answer(200, body)

    def search(self, body: dict[str, Any]) -> Response:
        [wanted] = body["filterGroups"][0]["filters"]
        assert wanted["operator"] == "EQ"
        name, value = wanted["propertyName"], wanted["value"]
        results = [self._view(key, ["email"]) for key, contact in self.contacts.items() if contact.get(name) == value]
        return answer(200, {"total": len(results), "results": results})

    def merge(self, body: dict[str, str]) -> Response:
        """The merged record has an id of its own, the primary's values, and all addresses."""
        ids = [body["primaryObjectId"], body["objectIdToMerge"]]
        if len({*ids} & self.contacts.keys()) < len(ids):
            return problem(404, "OBJECT_NOT_FOUND", "resource not found")
        primary, other = (self.contacts.pop(contact_id) for contact_id in ids)
        emails = [*addresses(primary)[1:], *addresses(other)]
        contact_id = new_id()
        self.contacts[contact_id] = other | primary | {"hs_additional_emails": ";".join(emails)}
        return answer(200, self._view(contact_id, list(BUILT_IN)))

    def delete(self, contact_id: str) -> Response:
        self.contacts.pop(contact_id, None)
        return Response(status_code=204)

    def _find(self, email: str, *, secondary: bool = True) -> str | None:
        for contact_id, contact in self.contacts.items():
            if email in addresses(contact)[: None if secondary else 1]:
                return contact_id
        return None

    def _view(self, contact_id: str, names: list[str]) -> dict[str, Any]:
        contact = self.contacts[contact_id]
        return {"id": contact_id, "properties": {name: contact.get(name) for name in names}, "archived": False}


def addresses(contact: Contact) -> list[str]:
    return [contact["email"], *filter(None, contact.get("hs_additional_emails", "").split(";"))]


def moves_forward(contact: Contact, name: str, value: str) -> bool:
    if name != "lifecyclestage" or not value or not contact.get(name):
        return True
    return STAGES.index(value) >= STAGES.index(contact[name])


def new_id() -> str:
    return str(uuid4().int % 10**11)


def problem(status: int, category: str, message: str) -> Response:
    body = {"status": "error", "message": message, "correlationId": str(uuid4()), "category": category}
    return answer(status, body)
