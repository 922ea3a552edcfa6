"""Pipedrive's persons and leads, as its public documentation describes them.

developers.pipedrive.com/docs/api/v1 (which covers both versions): Persons (searchPersons, addPerson, updatePerson,
deletePerson of v2, mergePersons of v1), PersonFields of v2, Leads of v1; pipedrive.readme.io/docs: Rate limiting.
"""

from typing import Any
from uuid import uuid4

from fastapi import Request, Response

from tests.recipes.vendors import Vendor, answer

TOKEN = "api-token"
Person = dict[str, Any]


class PipedriveApi(Vendor):
    """`persons` are bodies by id, `leads` a list, `fields` codes by name."""

    def __init__(self) -> None:
        super().__init__()
        self.persons: dict[int, Person] = {}
        self.leads: list[dict[str, Any]] = []
        self.fields = {"Name": "name", "Email": "email"}
        self._last_id = 0
        self.app.get("/api/v2/personFields")(self.list_fields)
        self.app.post("/api/v2/personFields")(self.add_field)
        self.app.get("/api/v2/persons/search")(self.search)
        self.app.post("/api/v2/persons")(self.add_person)
        self.app.patch("/api/v2/persons/{person_id}")(self.update_person)
        self.app.delete("/api/v2/persons/{person_id}")(self.delete_person)
        self.app.put("/api/v1/persons/{person_id}/merge")(self.merge_persons)
        self.app.get("/api/v1/leads")(self.list_leads)
        self.app.post("/api/v1/leads")(self.add_lead)

    def is_authorized(self, request: Request) -> bool:
        return request.headers.get("x-api-token") == TOKEN

    def unauthorized(self) -> Response:
        return refused(401, "unauthorized access")

    def rate_limited(self) -> Response:
        return answer(
            429,
            {"success": False, "error": "request over limit"},
            Retry_After=str(self.retry_after_s),
            x_ratelimit_reset=str(self.retry_after_s),
        )

    def list_fields(self) -> Response:
        data = [{"field_name": name, "field_code": code} for name, code in self.fields.items()]
        return answer(200, {"success": True, "data": data, "additional_data": {"next_cursor": None}})

    def add_field(self, body: dict[str, str]) -> Response:
        if body.get("field_type") not in {"varchar", "double"}:
            return refused(400, "Validation failed: field_type")
        code = self.fields[body["field_name"]] = (uuid4().hex * 2)[:40]
        return succeeded(body | {"field_code": code})

    def search(self, term: str, fields: str, exact_match: str) -> Response:
        assert exact_match == "true"
        found = [key for key, person in self.persons.items() if term.lower() in texts(person, fields)]
        items = [{"result_score": 1, "item": {"id": key, "type": "person"}} for key in found]
        return succeeded({"items": items})

    def add_person(self, body: Person) -> Response:
        if not body.get("name") or not all(each.get("value") for each in body["emails"]):
            return refused(400, "Validation failed: name")
        self._last_id += 1
        self.persons[self._last_id] = {"emails": [], "custom_fields": {}}
        return self.update_person(self._last_id, body)

    def update_person(self, person_id: int, body: Person) -> Response:
        if person_id not in self.persons:
            return refused(404, "Person not found.")
        if unknown := body["custom_fields"].keys() - set(self.fields.values()):
            return refused(400, f"Validation failed: custom_fields: {unknown}")
        person = self.persons[person_id]
        person |= body | {"custom_fields": person["custom_fields"] | body["custom_fields"]}
        return succeeded({"id": person_id} | person)

    def delete_person(self, person_id: int) -> Response:
        if self.persons.pop(person_id, None) is None:
            return refused(404, "Person not found.")
        return succeeded({"id": person_id})

    def merge_persons(self, person_id: int, body: dict[str, int]) -> Response:
        """The person in the path is merged into the one in the body, whose values win."""
        kept = body["merge_with_id"]
        if not {person_id, kept} <= self.persons.keys():
            return refused(404, "Person not found.")
        merged = self.persons.pop(person_id)
        person = self.persons[kept]
        person["emails"] = person["emails"] + [each | {"primary": False} for each in merged["emails"]]
        for lead in self.leads:
            lead["person_id"] = kept if lead["person_id"] == person_id else lead["person_id"]
        return succeeded({"id": kept})

    def list_leads(self, person_id: int) -> Response:
        return succeeded([lead for lead in self.leads if lead["person_id"] == person_id])

    def add_lead(self, body: dict[str, Any]) -> Response:
        if not body.get("title") or body.get("person_id") not in self.persons:
            return refused(400, "A lead must have a title, and an existing person or organization.")
        self.leads.append({"id": str(uuid4())} | body)
        return succeeded(self.leads[-1], 201)


def texts(person: Person, fields: str) -> set[str]:
    """What an exact search compares with, regardless of case."""
    if fields == "email":
        return {each["value"].lower() for each in person["emails"]}
    return {str(value).lower() for value in person["custom_fields"].values()}


def succeeded(data: Any, status: int = 200) -> Response:
    return answer(status, {"success": True, "data": data})


def refused(status: int, message: str) -> Response:
    return answer(status, {"success": False, "error": message, "data": None})
