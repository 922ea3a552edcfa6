"""Keeps Pipedrive's persons up to date with leadscore, and adds a lead to the Leads Inbox when one is sales-ready.

    pip install httpx
    URL=https://leads.example.com READ_KEY=ls_read_… PIPEDRIVE_TOKEN=… python pipedrive.py [--once]

Needs crm_sync.py in the same folder, and the API token of an administrator, with which it creates its person fields.

Persons are matched by any of a lead's email addresses. If several match, leadscore has learned that they are one
person, and they are merged: Pipedrive can't undo that. Names and addresses are set on new persons only, so that what
sales has corrected stays.

Pipedrive can't create "unless it exists": this searches first, and the search may not find a person created a moment
ago. A process killed between the two may therefore leave a duplicate, which Pipedrive's "Merge duplicates" lists.
"""

import os
from typing import Any

import httpx
from crm_sync import Lead, client, main

FIELDS = {
    "leadscore id": "varchar",
    "leadscore stage": "varchar",
    "leadscore engagement": "double",
    "leadscore fit": "double",
}


class Pipedrive:
    rejections = ()

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._codes: dict[str, str] = {}

    def create_fields(self) -> None:
        """Pipedrive names custom fields by codes of its own, which are looked up by the fields' names."""
        fields = self._all("/api/v2/personFields")
        self._codes = {field["field_name"]: field["field_code"] for field in fields if field["field_name"] in FIELDS}
        for name in FIELDS.keys() - self._codes.keys():
            field = self._send("POST", "/api/v2/personFields", {"field_name": name, "field_type": FIELDS[name]})
            self._codes[name] = field["field_code"]

    def upsert(self, leads: list[Lead]) -> None:
        for lead in leads:
            person_id = self._upsert_person(lead)
            if lead.just_sales_ready and not self._all("/api/v1/leads", person_id=person_id):
                self._send("POST", "/api/v1/leads", {"title": lead.name, "person_id": person_id})

    def delete(self, lead_id: str) -> None:
        """Pipedrive can restore a deleted person for 30 days."""
        for person_id in self._search(lead_id, "custom_fields"):
            self._send("DELETE", f"/api/v2/persons/{person_id}")

    def _upsert_person(self, lead: Lead) -> int:
        found = dict.fromkeys(person_id for email in lead.emails for person_id in self._search(email, "email"))
        if not found:
            emails = [{"value": email, "primary": email == lead.emails[0]} for email in lead.emails]
            person = {"name": lead.name, "emails": emails, "custom_fields": self._custom_fields(lead)}
            created: int = self._send("POST", "/api/v2/persons", person)["id"]
            return created
        kept, *others = found
        for other in others:
            self._send("PUT", f"/api/v1/persons/{other}/merge", {"merge_with_id": kept})
        self._send("PATCH", f"/api/v2/persons/{kept}", {"custom_fields": self._custom_fields(lead)})
        return kept

    def _custom_fields(self, lead: Lead) -> dict[str, Any]:
        values = {"id": lead.id, "stage": lead.stage} | lead.scores
        return {code: values.get(name.removeprefix("leadscore ")) for name, code in self._codes.items()}

    def _search(self, term: str, field: str) -> list[int]:
        params = {"term": term, "fields": field, "exact_match": "true"}
        answer = self._http.get("/api/v2/persons/search", params=params)
        return [result["item"]["id"] for result in answer.raise_for_status().json()["data"]["items"]]

    def _all(self, path: str, **params: int) -> list[Any]:
        """One page of the largest size is enough here: fields of a person, open leads of one person."""
        answer = self._http.get(path, params=params | {"limit": 500})
        return answer.raise_for_status().json()["data"] or []

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self._http.request(method, path, json=body).raise_for_status().json()["data"]


if __name__ == "__main__":
    token = {"x-api-token": os.environ["PIPEDRIVE_TOKEN"]}
    pipedrive = Pipedrive(client(os.environ.get("PIPEDRIVE_URL", "https://api.pipedrive.com"), token))
    pipedrive.create_fields()
    main(pipedrive)
