"""Keeps Salesforce's leads up to date with leadscore.

    pip install httpx
    URL=https://leads.example.com READ_KEY=ls_read_… SALESFORCE_URL=https://example.my.salesforce.com \
        SALESFORCE_CLIENT_ID=… SALESFORCE_CLIENT_SECRET=… python salesforce.py [--once]

Needs crm_sync.py in the same folder, an external client app with the client credentials flow, and custom fields of the
object Lead: Leadscore_Id__c (text, external id, unique), Leadscore_Stage__c and Leadscore_Merged_Into__c (text),
Leadscore_Engagement__c and Leadscore_Fit__c (number).

Names and companies are set on new leads only, so that what sales has corrected stays. When two leads are merged in
leadscore, the Salesforce lead of the retired one becomes the survivor's. If both have a Salesforce lead, the retired
one's gets the stage "merged" and says into what: REST can't merge leads, but people can on the page of a lead. Leads
that are already converted, and those that a duplicate rule blocks, are reported and skipped.
"""

import os
from collections.abc import Generator
from typing import Any

import httpx
from crm_sync import Lead, client, main

LEADS = "/services/data/v66.0/sobjects/Lead"
SCORES = {"engagement": "Leadscore_Engagement__c", "fit": "Leadscore_Fit__c"}


class ClientCredentials(httpx.Auth):
    """Fetches an access token, and another when it has expired."""

    requires_response_body = True

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token:
            response = yield self._authorized(request)
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
        answer = yield httpx.Request("POST", request.url.join("/services/oauth2/token"), data=self._form)
        self._token = answer.raise_for_status().json()["access_token"]
        yield self._authorized(request)

    def _authorized(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Salesforce:
    rejections = (
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "DUPLICATES_DETECTED",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "INVALID_EMAIL_ADDRESS",
        "STRING_TOO_LONG",
    )

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def upsert(self, leads: list[Lead]) -> None:
        for lead in leads:
            for former_id in lead.former_ids:
                self._retire(former_id, lead.id)
            fields = scores(lead) | ({} if self._find(lead.id) else details(lead))
            self._http.patch(by_lead_id(lead.id), json=fields).raise_for_status()

    def delete(self, lead_id: str) -> None:
        """Moves the lead to the recycle bin: Salesforce can restore it for 15 days."""
        if self._find(lead_id):
            self._http.delete(by_lead_id(lead_id)).raise_for_status()

    def _find(self, lead_id: str) -> dict[str, Any] | None:
        answer = self._http.get(by_lead_id(lead_id), params={"fields": "Id,IsConverted"})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def _retire(self, former_id: str, survivor_id: str) -> None:
        retired = self._find(former_id)
        if retired is None or retired["IsConverted"]:
            return
        if self._find(survivor_id):
            fields = {"Leadscore_Stage__c": "merged", "Leadscore_Merged_Into__c": survivor_id}
        else:
            fields = {"Leadscore_Id__c": survivor_id}
        self._http.patch(f"{LEADS}/{retired['Id']}", json=fields).raise_for_status()


def by_lead_id(lead_id: str) -> str:
    return f"{LEADS}/Leadscore_Id__c/{lead_id}"


def scores(lead: Lead) -> dict[str, Any]:
    fields = {SCORES[name]: value for name, value in lead.scores.items() if name in SCORES}
    return {"Leadscore_Stage__c": lead.stage} | fields


def details(lead: Lead) -> dict[str, str]:
    """Salesforce requires a last name and a company."""
    fields = {
        "Email": lead.emails[0],
        "FirstName": lead.traits.get("first_name"),
        "LastName": lead.traits.get("last_name") or lead.name,
        "Company": lead.traits.get("company") or lead.traits.get("email_domain") or "Unknown",
        "Phone": lead.traits.get("phone"),
    }
    return {name: str(value) for name, value in fields.items() if value}


if __name__ == "__main__":
    credentials = ClientCredentials(os.environ["SALESFORCE_CLIENT_ID"], os.environ["SALESFORCE_CLIENT_SECRET"])
    main(Salesforce(client(os.environ["SALESFORCE_URL"], auth=credentials)))
