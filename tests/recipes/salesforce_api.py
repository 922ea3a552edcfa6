"""Salesforce's leads over REST, as its public documentation describes them.

developer.salesforce.com/docs/platform/api-rest/guide: dome-upsert, resources-sobject-upsert (get, patch, delete),
resources-sobject-retrieve (patch), errorcodes; and help.salesforce.com: OAuth 2.0 Client Credentials Flow.
"""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import Form, Request, Response

from tests.recipes.vendors import Vendor, answer, has_bearer

CLIENT_ID, CLIENT_SECRET = "consumer-key", "consumer-secret"
REQUIRED = ("LastName", "Company")
FIELDS = {*REQUIRED, "FirstName", "Email", "Phone", "Leadscore_Id__c", "Leadscore_Stage__c", "Leadscore_Merged_Into__c"}
FIELDS |= {"Leadscore_Engagement__c", "Leadscore_Fit__c"}
Record = dict[str, Any]


class SalesforceApi(Vendor):
    """`leads` are fields by record id. Only the latest of the tokens given out is valid."""

    def __init__(self) -> None:
        super().__init__()
        self.leads: dict[str, Record] = {}
        self.token = ""
        leads = "/services/data/v66.0/sobjects/Lead"
        self.app.post("/services/oauth2/token")(self.new_token)
        self.app.get(f"{leads}/Leadscore_Id__c/{{external_id}}")(self.retrieve)
        self.app.patch(f"{leads}/Leadscore_Id__c/{{external_id}}")(self.upsert)
        self.app.delete(f"{leads}/Leadscore_Id__c/{{external_id}}")(self.delete)
        self.app.patch(f"{leads}/{{record_id}}")(self.update)

    def is_authorized(self, request: Request) -> bool:
        return request.url.path == "/services/oauth2/token" or (bool(self.token) and has_bearer(request, self.token))

    def unauthorized(self) -> Response:
        return refused(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def rate_limited(self) -> Response:
        return answer(
            503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "too busy"}], Retry_After=str(self.retry_after_s)
        )

    def new_token(
        self,
        grant_type: Annotated[str, Form()],
        client_id: Annotated[str, Form()],
        client_secret: Annotated[str, Form()],
    ) -> Response:
        if (grant_type, client_id, client_secret) != ("client_credentials", CLIENT_ID, CLIENT_SECRET):
            return answer(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        self.token = uuid4().hex
        return answer(200, {"access_token": self.token, "instance_url": self.url, "token_type": "Bearer"})

    def retrieve(self, external_id: str, fields: str) -> Response:
        found = self._find(external_id)
        if not found:
            return refused(404, "NOT_FOUND", "The requested resource does not exist")
        record = {"Id": found[0], "IsConverted": False} | self.leads[found[0]]
        return answer(200, {name: record.get(name) for name in fields.split(",")})

    def upsert(self, external_id: str, body: Record) -> Response:
        if "Leadscore_Id__c" in body:
            return refused(
                400, "INVALID_FIELD", "The Leadscore_Id__c field should not be specified in the sobject data."
            )
        found = self._find(external_id)
        if found:
            return self._save(found[0], body) or answer(200, {"id": found[0], "success": True, "created": False})
        missing = [name for name in REQUIRED if not body.get(name)]
        if missing:
            return refused(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: {missing}", missing)
        record_id = f"00Q{uuid4().hex[:15]}"
        fault = self._save(record_id, body | {"Leadscore_Id__c": external_id})
        return fault or answer(201, {"id": record_id, "success": True, "errors": [], "created": True})

    def update(self, record_id: str, body: Record) -> Response:
        if record_id not in self.leads:
            return refused(404, "NOT_FOUND", "The requested resource does not exist")
        return self._save(record_id, body) or Response(status_code=204)

    def delete(self, external_id: str) -> Response:
        for record_id in self._find(external_id):
            del self.leads[record_id]
        return Response(status_code=204)

    def _save(self, record_id: str, fields: Record) -> Response | None:
        record = self.leads.get(record_id, {})
        if unknown := [name for name in fields if name not in FIELDS]:
            return refused(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on sobject of type Lead")
        if fields.get("Email", "").endswith(".invalid"):
            return refused(400, "INVALID_EMAIL_ADDRESS", f"Email: invalid email address: {fields['Email']}", ["Email"])
        if record.get("IsConverted"):
            return refused(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        self.leads[record_id] = record | fields
        return None

    def _find(self, external_id: str) -> list[str]:
        return [key for key, lead in self.leads.items() if lead.get("Leadscore_Id__c") == external_id]


def refused(status: int, code: str, message: str, fields: list[str] | None = None) -> Response:
    return answer(status, [{"message": message, "errorCode": code, "fields": fields or []}])
