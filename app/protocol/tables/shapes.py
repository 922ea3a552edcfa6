"""Well-known exports: how each is recognised by its header, and what its columns mean.

A target is written as in `--map`: a field of a message, `traits.…`, `properties.…` or `context.…`; `traits.*` and
`properties.*` are JSON objects whose members count as columns; `""` leaves a column out. A shape lists only the columns
that don't have their usual meaning (`names`).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.protocol.tables.names import comparable_name

RowKind = Literal["person", "event"]

_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{8,}(?:-[0-9a-f]+){4}", re.IGNORECASE)
_DEVICE = "$device:"
_MEMBER = "properties."


@dataclass(frozen=True, slots=True)
class Shape:
    """An export, recognised if its header has all names of one of its `signatures`.

    `prefixes` are targets by the beginning of a name. `types` are the types of messages by event; `type` is that of all
    other events. With `keeps_names`, columns keep their names instead of becoming snake case.
    """

    format: str
    title: str
    kind: RowKind
    signatures: tuple[frozenset[str], ...]
    targets: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    type: str = "track"
    keeps_names: bool = False

    def target_of(self, name: str) -> str | None:
        """The target of a column, by its name from `unwrap`; None if the shape doesn't define it."""
        if name.startswith(_MEMBER):
            return self.target_of_member(name.removeprefix(_MEMBER))
        return self._find(name, self.targets)

    def target_of_member(self, name: str) -> str | None:
        """The same for a property. Names with `$` are the product's own; the others are its customers'."""
        return self._find(name, self.targets if name.startswith("$") else _CUSTOMERS)

    def overlap(self, columns: Collection[str]) -> float:
        """The largest share of a signature that a header has, from 0 to 1."""
        names = {comparable_name(unwrap(column)) for column in columns}
        return max(len(signature & names) / len(signature) for signature in self.signatures)

    def _find(self, name: str, targets: Mapping[str, str]) -> str | None:
        known = targets.get(comparable_name(name))
        if known is not None:
            return known
        prefixes = ((prefix, target) for prefix, target in self.prefixes.items() if name.startswith(prefix))
        return next((target + name.removeprefix(prefix).lstrip("$") for prefix, target in prefixes), None)


def unwrap(column: str) -> str:
    """A column's name without the `*.` that PostHog adds if a query selects `*`."""
    return column.removeprefix("*.")


def property_name(name: str) -> str:
    """A property's name in an export that keeps names."""
    return name.removeprefix(_MEMBER).lstrip("$") or name


def recognise(columns: Collection[str], format: str | None) -> Shape | None:  # noqa: A002 - the option's name
    """The export that a header belongs to; with a `format`, the closest one of that format. None if there is none."""
    if format is None:
        return next((shape for shape in SHAPES if shape.overlap(columns) == 1), None)
    family = [shape for shape in SHAPES if shape.format == format]
    return max(family, key=lambda shape: shape.overlap(columns), default=None)


def settle_distinct_ids(message: dict[str, Any]) -> None:
    """Turn each `distinct_id`, which PostHog and Mixpanel use for users and devices, into one or the other.

    It is a device's if it equals the row's device id or looks like one (`$device:…`, a UUID).
    """
    device = message.get("anonymousId")
    for distinct_id in map(str, message.pop("distinctIds", ())):
        if distinct_id.startswith(_DEVICE):
            message.setdefault("anonymousId", distinct_id.removeprefix(_DEVICE))
        elif distinct_id != device and "userId" not in message and (device or not _UUID.fullmatch(distinct_id)):
            message["userId"] = distinct_id
        elif distinct_id != message.get("userId"):
            message.setdefault("anonymousId", distinct_id)


def _columns(*signatures: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(signature.split()) for signature in signatures)


_LEFT_OUT = ""
_CAMPAIGN = {
    "utmsource": "context.campaign.source",
    "utmmedium": "context.campaign.medium",
    "utmcampaign": "context.campaign.name",
    "utmterm": "context.campaign.term",
    "utmcontent": "context.campaign.content",
}
_CUSTOMERS = {**_CAMPAIGN, "email": "email", "phone": "phone"}
_VISIT = {
    **_CUSTOMERS,
    "distinctid": "distinctIds",
    "userid": "userId",
    "deviceid": "anonymousId",
    "currenturl": "context.page.url",
    "pathname": "context.page.path",
    "referrer": "context.page.referrer",
    "title": "context.page.title",
    "properties": "properties.*",
}
_CONTEXT_OBJECTS = ("page", "campaign", "library", "device", "os", "app", "screen", "network", "location", "referrer")
_WAREHOUSE: dict[str, Any] = {
    "format": "segment",
    "prefixes": {
        "context_traits_": "traits.",
        **{f"context_{name}_": f"context.{name}." for name in _CONTEXT_OBJECTS},
        "context_": "context.",
    },
    "keeps_names": True,
}
_WAREHOUSE_COLUMNS = {
    "id": "messageId",
    "contextuseragent": "context.userAgent",
    **dict.fromkeys(("receivedat", "sentat", "originaltimestamp", "loadedat", "uuid", "uuidts"), _LEFT_OUT),
}

SHAPES: tuple[Shape, ...] = (
    Shape(
        format="hubspot",
        title="HubSpot's contacts",
        kind="person",
        signatures=_columns("recordid email", "recordid lifecyclestage", "contactid lifecyclestage"),
        targets={"recordid": "traits.hubspot_id", "contactid": "traits.hubspot_id"},
    ),
    Shape(
        format="salesforce",
        title="Salesforce's leads or contacts",
        kind="person",
        signatures=_columns(
            *(f"id lastname {field}" for field in ("createddate", "leadsource", "isdeleted", "systemmodstamp")),
            *("leadid lastname", "contactid lastname accountname", "lastname companyaccount leadsource"),
        ),
        targets={
            **dict.fromkeys(("id", "leadid", "contactid"), "traits.salesforce_id"),
            "title": "traits.job_title",
            "status": "traits.lead_status",
        },
    ),
    Shape(
        format="ga4",
        title="Google Analytics 4's events",
        kind="event",
        signatures=_columns("eventname eventtimestamp userpseudoid"),
        targets={
            "userpseudoid": "anonymousId",
            "pagelocation": "context.page.url",
            "pagereferrer": "context.page.referrer",
            "pagetitle": "context.page.title",
            **{
                f"collectedtrafficsourcemanual{name}": f"context.campaign.{name}"
                for name in ("source", "medium", "term")
            },
            "collectedtrafficsourcemanualcampaignname": "context.campaign.name",
            "collectedtrafficsourcemanualcontent": "context.campaign.content",
            "eventdate": _LEFT_OUT,
        },
        types={"page_view": "page", "screen_view": "screen"},
    ),
    Shape(
        format="posthog",
        title="PostHog's events",
        kind="event",
        signatures=_columns("event distinctid timestamp"),
        targets={
            **_VISIT,
            "uuid": "messageId",
            "id": "messageId",
            "anondistinctid": "anonymousId",
            "set": "traits.*",
            "personproperties": "traits.*",
            **dict.fromkeys(
                ("setonce", "createdat", "elements", "elementschain", "person", "personid", "personmode", "teamid"),
                _LEFT_OUT,
            ),
        },
        prefixes={"person.properties.": "traits.", "$set.": "traits."},
        types={"$pageview": "page", "$screen": "screen", "$identify": "identify", "$set": "identify"},
        keeps_names=True,
    ),
    Shape(
        format="posthog",
        title="PostHog's persons",
        kind="person",
        signatures=_columns("distinctids", "distinctids0"),
        targets={
            **{f"distinctids{number}": "distinctIds" for number in ("", *range(10))},
            "properties": "traits.*",
            "id": _LEFT_OUT,
            "uuid": _LEFT_OUT,
        },
        keeps_names=True,
    ),
    Shape(
        format="mixpanel",
        title="Mixpanel's events",
        kind="event",
        signatures=_columns("event distinctid time", "eventname distinctid time"),
        targets={**_VISIT, "insertid": "messageId", "mpprocessingtimems": _LEFT_OUT},
        types={"$mp_web_page_view": "page", "$identify": "identify"},
        keeps_names=True,
    ),
    Shape(
        format="mixpanel",
        title="Mixpanel's users",
        kind="person",
        signatures=_columns("distinctid lastseen", "distinctid email"),
        targets={"distinctid": "distinctIds", "properties": "traits.*"},
        keeps_names=True,
    ),
    Shape(
        **_WAREHOUSE,
        title="a warehouse's table of tracks, as Segment writes it",
        kind="event",
        signatures=_columns("id receivedat event eventtext"),
        targets={**_WAREHOUSE_COLUMNS, "eventtext": "event", "event": _LEFT_OUT},
    ),
    Shape(
        **_WAREHOUSE,
        title="a warehouse's table of pages, as Segment writes it",
        kind="event",
        signatures=_columns("id receivedat anonymousid path url", "id receivedat anonymousid path title"),
        targets=_WAREHOUSE_COLUMNS,
        type="page",
    ),
    Shape(
        **_WAREHOUSE,
        title="a warehouse's table of identifies, as Segment writes it",
        kind="person",
        signatures=_columns("id receivedat userid originaltimestamp", "id receivedat userid sentat"),
        targets=_WAREHOUSE_COLUMNS,
    ),
    Shape(
        **_WAREHOUSE,
        title="a warehouse's table of users, as Segment writes it",
        kind="person",
        signatures=_columns("id receivedat uuidts"),
        targets={**_WAREHOUSE_COLUMNS, "id": "userId", "receivedat": "timestamp"},
    ),
)
"""The first match wins, so longer signatures come first."""

FORMATS = tuple(dict.fromkeys(shape.format for shape in SHAPES))
