"""Forty rules of a B2B product, each as a model's signal and as the closure that one would write by hand.

The closures promise less than conditions do: no dotted names, no lists, no Unicode beyond case.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.scoring.document import ScoringModel
from app.scoring.events import Event
from app.scoring.model import load_model

Where = Mapping[str, Any]
Holds = Callable[[Event], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """Which events count: by their names, and by a condition, written in both ways."""

    on: Sequence[str]
    where: Where | None = None
    by_hand: Holds = lambda _: True
    trusted: bool = False


# --- What closures written by hand read --------------------------------------------------------------------------


def path(event: Event) -> str:
    page = event.context.get("page")
    value = page.get("path") if isinstance(page, dict) else None
    return value.casefold() if isinstance(value, str) else ""


def campaign(event: Event, name: str) -> str:
    fields = event.context.get("campaign")
    value = fields.get(name) if isinstance(fields, dict) else None
    return value.casefold() if isinstance(value, str) else ""


def text(event: Event, name: str) -> str:
    value = event.properties.get(name)
    return value.casefold() if isinstance(value, str) else ""


def number(event: Event, name: str) -> float:
    """Not a number if the property is none: no comparison holds."""
    value = event.properties.get(name)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return float("nan")
    return value if isinstance(value, int | float) else float("nan")


# --- The rules ---------------------------------------------------------------------------------------------------


def _on_page(prefix: str) -> Rule:
    return Rule(["Page Viewed"], {"context": "page.path", "starts_with": prefix}, lambda e: path(e).startswith(prefix))


def _from_campaign(medium: str) -> Rule:
    where = {"context": "campaign.medium", "eq": medium}
    return Rule(["Page Viewed"], where, lambda e: campaign(e, "medium") == medium)


def _feature(name: str) -> Rule:
    return Rule(["Feature Used"], {"property": "feature", "eq": name}, lambda e: text(e, "feature") == name)


def _form(part: str) -> Rule:
    return Rule(["Form Submitted"], {"property": "form", "contains": part}, lambda e: part in text(e, "form"))


def _at_least(event: str, name: str, least: float) -> Rule:
    return Rule([event], {"property": name, "gte": least}, lambda e: number(e, name) >= least)


BIG = 1_000
RULES: Mapping[str, Rule] = {
    "pricing": _on_page("/pricing"),
    "plans": _on_page("/plans"),
    "blog": _on_page("/blog/"),
    "docs": _on_page("/docs"),
    "customers": _on_page("/customers"),
    "integrations": _on_page("/integrations"),
    "security": _on_page("/security"),
    "careers": _on_page("/careers"),
    "paid_visit": _from_campaign("cpc"),
    "newsletter_visit": _from_campaign("email"),
    "other_page": Rule(
        ["Page Viewed"],
        {"none": [{"context": "page.path", "starts_with": prefix} for prefix in ("/pricing", "/plans", "/blog/")]},
        lambda e: not path(e).startswith(("/pricing", "/plans", "/blog/")),
    ),
    "article": Rule(["Article Read"]),
    "article_finished": _at_least("Article Read", "progress", 0.9),
    "video": Rule(["Video Playback Completed"]),
    "video_at_length": _at_least("Video Playback Completed", "seconds", 300),
    "liked": Rule(["Post Liked", "Content Liked"]),
    "shared": Rule(["Post Shared", "Content Shared"]),
    "newsletter": Rule(["Newsletter Subscribed", "Subscribed to Newsletter"]),
    "download": Rule(["Content Downloaded", "File Downloaded"]),
    "whitepaper": Rule(
        ["Content Downloaded", "File Downloaded"],
        {"property": "kind", "in": ["whitepaper", "report"]},
        lambda e: text(e, "kind") in {"whitepaper", "report"},
    ),
    "webinar": Rule(["Webinar Registered", "Webinar Attended"]),
    "contact_form": _form("contact"),
    "sales_form": _form("sales"),
    "demo_form": _form("demo"),
    "partner_form": _form("partner"),
    "demo": Rule(["Demo Requested", "Demo Booked"]),
    "call": Rule(["Sales Contacted", "Call Requested"]),
    "signed_up": Rule(["Signed Up", "Account Created"]),
    "trial": Rule(["Trial Started"]),
    "team_trial": _at_least("Trial Started", "seats", 5),
    "company_trial": _at_least("Trial Started", "seats", 50),
    "report_used": _feature("report"),
    "export_used": _feature("export"),
    "api_used": _feature("api"),
    "invited": _feature("invite"),
    "sso_used": _feature("sso"),
    "used_on_paid_plan": Rule(
        ["Feature Used"],
        {"property": "plan", "not_in": ["free", "trial"]},
        lambda e: text(e, "plan") not in {"", "free", "trial"},
    ),
    "bought": Rule(["Order Completed"], trusted=True, by_hand=lambda e: e.trusted),
    "big_order": Rule(
        ["Order Completed"],
        {"all": [{"property": "total", "gte": BIG}, {"property": "currency", "eq": "EUR"}]},
        lambda e: number(e, "total") >= BIG and text(e, "currency") == "eur",
    ),
    "unsubscribed": Rule(["Unsubscribed", "Email Unsubscribed"]),
}


def rules_as_model() -> ScoringModel:
    """The rules as a scoring model, each worth a point."""
    signals = {
        name: {"on": list(rule.on), "trusted": rule.trusted} | ({"where": rule.where} if rule.where else {})
        for name, rule in RULES.items()
    }
    points = {name: {"signal": name, "points": 1} for name in RULES}
    document = {"signals": signals, "scores": {"engagement": {"rules": points}}, "stages": [{"name": "interest"}]}
    return load_model({"name": "forty rules", **document})
