"""What a lead is called on pages: by its traits, else by an identity."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.documents.leads import LeadDocument
from app.scoring.strings import trimmed
from app.services.runtime import Runtime

FULL_NAMES = ("name", "full_name")
NAME_PARTS = (("first_name", "last_name"), ("firstname", "lastname"), ("given_name", "family_name"))
ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Person:
    """`detail` adds the company or the address to the name."""

    name: str
    detail: str

    @property
    def initials(self) -> str:
        words = [word for word in self.name.split() if word[0].isalpha()]
        return "".join(word[0] for word in [*words[:1], *words[1:][-1:]]).upper()


async def people_of(runtime: Runtime, lead_ids: Collection[UUID]) -> dict[UUID, Person]:
    """By the id asked for. Leads that have been erased are missing."""
    views = await runtime.leads.get_many(lead_ids, runtime.clock())
    return {lead_id: person_of(LeadDocument.of(view)) for lead_id, view in views.items()}


def person_of(lead: LeadDocument) -> Person:
    email = _first(lead.identities.get("email"))
    name = _name(lead.traits)
    company = _company(lead.traits)
    if name:
        return Person(name, company or email or "no address yet")
    if known := email or _first(lead.identities.get("phone")) or _first(lead.identities.get("user_id")):
        return Person(known, company or ("no name yet" if email else "no address yet"))
    return Person(f"Visitor {str(lead.id)[-ID_LENGTH:]}", "no address yet")


def _name(traits: Mapping[str, Any]) -> str:
    names = [_text(traits.get(name)) for name in FULL_NAMES]
    names += [" ".join(filter(None, (_text(traits.get(part)) for part in parts))) for parts in NAME_PARTS]
    return next(filter(None, names), "")


def _company(traits: Mapping[str, Any]) -> str:
    company = traits.get("company")
    return _text(company.get("name")) if isinstance(company, Mapping) else _text(company)


def _text(value: object) -> str:
    return trimmed(value) if isinstance(value, str) else ""


def _first(values: Sequence[str] | None) -> str:
    return values[0] if values else ""
