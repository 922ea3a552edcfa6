"""The messages of the demo data, in the format that clients send, each with its moment and its source."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

from app.demo.people import Person

Source = Literal["website", "product", "crm"]

SITE = "https://www.tidemark.example"


class Sent(NamedTuple):
    """A message with its sender, and the moment at which it arrives."""

    at: datetime
    source: Source
    message: dict[str, Any]


def page(person: Person, at: datetime, path: str, *, landing: bool = False) -> Sent:
    """A page view. Only the landing page shows where the visitor comes from."""
    query, referrer = (person.query, person.referrer) if landing else ("", f"{SITE}/")
    place = {"path": path, "url": f"{SITE}{path}{query}", "referrer": referrer, "search": query}
    return _website(person, at, {"type": "page", "context": {"page": place}})


def track(person: Person, at: datetime, event: str, **properties: Any) -> Sent:
    """Something done on the website."""
    return _website(person, at, {"type": "track", "event": event, "properties": properties})


def identify(person: Person, at: datetime) -> Sent:
    """A form on the website, filled in with an address."""
    return _website(person, at, {"type": "identify", "traits": _traits(person)})


def sign_up(person: Person, at: datetime) -> Sent:
    message = {"type": "identify", "userId": person.user_id, "anonymousId": person.anonymous_id}
    return _dated(at, "product", {**message, "traits": _traits(person)})


def use(person: Person, at: datetime, event: str, **properties: Any) -> Sent:
    """Something done in the product."""
    return _dated(at, "product", {"type": "track", "userId": person.user_id, "event": event, "properties": properties})


def record(person: Person, at: datetime, event: str, **properties: Any) -> Sent:
    """Something that sales enters in the CRM, which knows the person by address."""
    context = {"traits": {"email": _traits(person)["email"]}}
    return _dated(at, "crm", {"type": "track", "event": event, "properties": properties, "context": context})


def _website(person: Person, at: datetime, message: dict[str, Any]) -> Sent:
    return _dated(at, "website", {"anonymousId": person.anonymous_id, **message})


def _dated(at: datetime, source: Source, message: dict[str, Any]) -> Sent:
    return Sent(at, source, {**message, "timestamp": at.isoformat()})


def _traits(person: Person) -> dict[str, str]:
    if person.contact is None:
        raise ValueError(f"visitor {person.number} has left no address")
    return person.contact.traits()
