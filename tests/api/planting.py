"""Planting a token in everything that a client can fill, so that a test can look for where it is kept."""

from typing import Any
from urllib.parse import urlencode

from tests.api.harness import Api

TOKEN = "7f1e0c5e"
DIGITS = "301234567"
"""The same for the telephone number."""

USER, EMAIL, PHONE = f"user-{TOKEN}", f"{TOKEN}@{TOKEN}.example", f"+49{DIGITS}"
PAGE = f"https://{TOKEN}.example/{TOKEN}"
NESTED: dict[str, Any] = {f"name {TOKEN}": {f"deep {TOKEN}": [TOKEN, {TOKEN: f"value {TOKEN}"}]}, "size": TOKEN}
CONTEXT: dict[str, Any] = {
    "page": {
        "url": f"{PAGE}?utm_source={TOKEN}&utm_campaign={TOKEN}",
        "path": f"/{TOKEN}",
        "title": TOKEN,
        "referrer": PAGE,
    },
    "campaign": {"source": TOKEN, "medium": TOKEN, "name": TOKEN},
    "ip": TOKEN,
    "userAgent": TOKEN,
    f"key {TOKEN}": NESTED,
}


def planted(kind: str, number: int, **fields: Any) -> dict[str, Any]:
    message = {"type": kind, "messageId": f"{TOKEN}-{number}", "context": CONTEXT, "properties": NESTED}
    return message | fields


async def visit(api: Api) -> None:
    """An anonymous visitor becomes a known person, who joins a group, fills in a form, and gets a second account."""
    trusted = api.keys["server"]
    visitor, known = {"anonymousId": f"visitor-{TOKEN}"}, {"userId": USER}
    await api.batch(planted("page", 1, name=TOKEN, **visitor), planted("screen", 2, name=TOKEN, **visitor))
    details = NESTED | {"email": EMAIL, "phone": PHONE}
    await api.batch(planted("identify", 3, traits=details, **visitor, **known), key=trusted)
    await api.batch(planted("track", 4, event="Demo Requested", **known))
    await api.batch(planted("track", 5, event=f"Event {TOKEN}", **visitor))
    await api.batch(planted("group", 6, groupId=TOKEN, traits=NESTED, **known), key=trusted)
    await api.batch(planted("track", 7, event="Demo Requested", userId=f"old-{TOKEN}"))
    await api.batch(planted("alias", 8, previousId=f"old-{TOKEN}", **known), key=trusted)
    await _submit_form(api)
    await api.send("/v1/import", {"batch": [planted("track", 9, event=f"Event {TOKEN}", **known)]}, key=trusted)
    await api.batch(planted("track", 10, event=f"Event {TOKEN}", **known) | {"properties": {TOKEN: 2**80}})


async def _submit_form(api: Api) -> None:
    fields = {"email": EMAIL, "name": TOKEN, f"field {TOKEN}": TOKEN, "writeKey": api.keys["write"]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": PAGE, "User-Agent": TOKEN}
    answer = await api.client.post(f"/v1/forms/{TOKEN}", content=urlencode(fields), headers=headers)
    assert answer.status_code < 400, answer.text


def is_in(text: str) -> bool:
    return TOKEN in text.lower() or DIGITS in text
