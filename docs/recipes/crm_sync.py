"""Keeps a CRM up to date with leadscore: the part that hubspot.py, salesforce.py and pipedrive.py share.

It follows the feed of changes, reads each changed lead, and has the CRM create or update the person. The position in
the feed is saved only after the CRM has accepted a page, so a process that is killed sends that page again; every write
can be repeated. The first run sends all leads, and so does a run whose position the feed no longer keeps (410).

Environment: URL and READ_KEY of leadscore, and CURSOR_FILE, where the position is saved (default: cursor.txt). Run one
process per cursor file. With --once it stops when it has caught up, which suits cron; otherwise it waits for changes.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import httpx

Change = dict[str, Any]

PAGE = 100
"""Leads per page and per call of `upsert`: the most that HubSpot takes in one request."""

LONGEST_WAIT_S = 30
ATTEMPTS = 5
DEFAULT_RETRY_S = 10


@dataclass(frozen=True, slots=True)
class Lead:
    """A person as of now. `former_ids` are leads that have just been merged into this one."""

    id: str
    emails: list[str]
    stage: str
    just_sales_ready: bool
    scores: dict[str, float]
    traits: dict[str, Any]
    former_ids: list[str]

    @classmethod
    def of(cls, document: dict[str, Any], changes: list[Change]) -> Self:
        news = [change["data"] for change in changes if change["data"].get("notify", True)]
        entered = {data.get("to", data.get("stage")) for data in news}
        return cls(
            id=document["id"],
            emails=document["identities"]["email"],
            stage=document["stage"],
            just_sales_ready=document["sales_ready"] and document["stage"] in entered,
            scores={name: score["value"] for name, score in document["scores"].items()},
            traits=document["traits"],
            former_ids=[change["data"]["from"] for change in changes if change["type"] == "lead.merged"],
        )

    @property
    def name(self) -> str:
        parts = (self.traits.get("first_name"), self.traits.get("last_name"))
        return str(self.traits.get("name") or " ".join(str(part) for part in parts if part) or self.emails[0])


class Crm(Protocol):
    """Repeating a call must change nothing. `rejections` are error codes about one person's data: those are skipped."""

    @property
    def rejections(self) -> tuple[str, ...]: ...

    def upsert(self, leads: list[Lead]) -> None: ...

    def delete(self, lead_id: str) -> None: ...


class RetryingTransport(httpx.BaseTransport):
    """Waits as long as `Retry-After` asks if a server is overloaded (503) or over its rate limit (429), and repeats."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http, self._sleep = httpx.HTTPTransport(), sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(ATTEMPTS - 1):
            response = self._http.handle_request(request)
            if response.status_code not in {429, 503}:
                return response
            response.close()
            wait_s = response.headers.get("Retry-After", "")
            self._sleep(int(wait_s) if wait_s.isdigit() else DEFAULT_RETRY_S)
        return self._http.handle_request(request)

    def close(self) -> None:
        self._http.close()


def client(url: str, headers: dict[str, str] | None = None, auth: httpx.Auth | None = None) -> httpx.Client:
    timeout = httpx.Timeout(30, read=LONGEST_WAIT_S + 30)
    return httpx.Client(base_url=url, headers=headers, auth=auth, timeout=timeout, transport=RetryingTransport())


def main(crm: Crm) -> None:
    headers = {"Authorization": f"Bearer {os.environ['READ_KEY']}"}
    cursor_file = Path(os.environ.get("CURSOR_FILE", "cursor.txt"))
    once = "--once" in sys.argv[1:]
    with client(os.environ["URL"], headers) as leadscore:
        while sync_page(leadscore, crm, cursor_file, wait_s=0 if once else LONGEST_WAIT_S) or not once:
            pass


def sync_page(leadscore: httpx.Client, crm: Crm, cursor_file: Path, wait_s: int = 0) -> bool:
    """Returns whether there was anything to do."""
    cursor = cursor_file.read_text() if cursor_file.exists() else ""
    page = read_page(leadscore, cursor, wait_s) if cursor else None
    if page:
        sync_changes(leadscore, crm, page["data"])
    next_cursor = page["next_cursor"] if page else sync_all(leadscore, crm)
    save(cursor_file, next_cursor)
    return next_cursor != cursor


def read_page(leadscore: httpx.Client, cursor: str, wait_s: int) -> dict[str, Any] | None:
    """The changes after the cursor, or None if the feed no longer has all of them."""
    params: dict[str, str | int] = {"after": cursor, "limit": PAGE, "wait": wait_s}
    answer = leadscore.get("/v1/changes", params=params)
    if answer.status_code == httpx.codes.GONE:
        return None
    page: dict[str, Any] = answer.raise_for_status().json()
    return page


def sync_all(leadscore: httpx.Client, crm: Crm) -> str:
    """Sends every lead, and returns where to continue: the end of the feed as it was before the first lead was read."""
    end: str = leadscore.get("/v1/changes", params={"after": "latest"}).raise_for_status().json()["next_cursor"]
    params: dict[str, str | int] = {"limit": PAGE}
    while True:
        page = leadscore.get("/v1/leads", params=params).raise_for_status().json()
        send(crm, [Lead.of(document, []) for document in page["data"]])
        if page["next_cursor"] is None:
            return end
        params["cursor"] = page["next_cursor"]


def sync_changes(leadscore: httpx.Client, crm: Crm, changes: list[Change]) -> None:
    """Sends each changed lead once, as of now. The id of a merged lead gives the survivor."""
    documents: dict[str, dict[str, Any]] = {}
    changes_of: dict[str, list[Change]] = {}
    for lead_id in dict.fromkeys(change["lead_id"] for change in changes if change["lead_id"]):
        document = read_lead(leadscore, lead_id)
        if document is None:
            crm.delete(lead_id)
        else:
            documents[document["id"]] = document
            own = [change for change in changes if change["lead_id"] == lead_id]
            changes_of.setdefault(document["id"], []).extend(own)
    send(crm, [Lead.of(document, changes_of[lead_id]) for lead_id, document in documents.items()])


def read_lead(leadscore: httpx.Client, lead_id: str) -> dict[str, Any] | None:
    """None if it has been erased."""
    answer = leadscore.get(f"/v1/leads/{lead_id}")
    if answer.status_code == httpx.codes.NOT_FOUND:
        return None
    document: dict[str, Any] = answer.raise_for_status().json()
    return document


def send(crm: Crm, leads: list[Lead]) -> None:
    """Anonymous visitors stay out of the CRM."""
    known = [lead for lead in leads if lead.emails]
    if known:
        upsert(crm, known)


def upsert(crm: Crm, leads: list[Lead]) -> None:
    """If the CRM rejects one person's data, sends the leads one by one, and reports those that it rejects."""
    try:
        crm.upsert(leads)
    except httpx.HTTPStatusError as error:
        reason = error.response.text
        if not any(code in reason for code in crm.rejections):
            raise
        if len(leads) == 1:
            print(f"{leads[0].id} was rejected: {reason}", file=sys.stderr)
            return
        for lead in leads:
            upsert(crm, [lead])


def save(cursor_file: Path, cursor: str) -> None:
    """Replaces the file in one step, so that it is never half written."""
    new = cursor_file.with_suffix(".new")
    new.write_text(cursor)
    new.replace(cursor_file)
