"""Documents for webhooks: endpoints, and the messages that they receive."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, HttpUrl, StrictBool, StrictFloat, StrictInt, model_validator

from app.documents.pages import WholeList
from app.documents.parameters import Note
from app.scoring.events import IdentityKind
from app.scoring.field_types import Name
from app.services.fanout import Change, Identities
from app.services.webhooks import ChangeType, Direction, NewSecret, Target, Webhook, filter_of
from app.validation.error_messages import in_one_fault

DEFAULT_TYPES: tuple[ChangeType, ...] = (
    *("lead.stage_changed", "lead.merged", "lead.split", "lead.erased"),
    "model.published",
)
IDS_ALONE = ("lead.merged", "lead.split")
"""The changes of leads whose data are ids alone, so that thin messages have them too."""

MAX_URL_LENGTH = 2_000
MAX_NAMES = 100
MAX_POSITION = 2**63 - 1


def _is_short(url: HttpUrl) -> HttpUrl:
    if len(str(url)) > MAX_URL_LENGTH:
        raise ValueError(f"must have at most {MAX_URL_LENGTH} characters")
    return url


Url = Annotated[HttpUrl, AfterValidator(_is_short), Field(examples=["https://crm.example.com/leadscore"])]
After = Annotated[
    Annotated[StrictInt, Field(ge=0, le=MAX_POSITION)] | Literal["latest"],
    in_one_fault(f"must be a position in the feed, from 0 to {MAX_POSITION}, or `latest`"),
    Field(description="Deliver what comes after this position in the feed; `0`: all that is kept."),
]


class ScoreFilterDocument(BaseModel, extra="forbid"):
    """Only when this score crosses a threshold: a number, or that of a band."""

    name: Name
    at_least: StrictFloat | None = Field(None, allow_inf_nan=False)
    band: Name | None = None

    @model_validator(mode="after")
    def _has_one_threshold(self) -> Self:
        if (self.at_least is None) == (self.band is None):
            raise ValueError("must have either `at_least` or `band`")
        return self


class WebhookSettings(BaseModel, extra="forbid"):
    """What is sent to a webhook. `to` and `direction` restrict changes of stages; `score` restricts changes of scores.

    `direction` also restricts which way a score crosses the threshold. `thin`: send ids only, no personal data.
    """

    description: Note | None = None
    types: Annotated[list[ChangeType], Field(min_length=1, max_length=MAX_NAMES)] = list(DEFAULT_TYPES)
    to: Annotated[list[Name], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    direction: Direction | None = None
    score: ScoreFilterDocument | None = None
    thin: StrictBool = False

    def target(self, url: str) -> Target:
        return Target(
            url=url,
            filter=filter_of(self.model_dump(include={"types", "to", "direction", "score"})),
            description=self.description,
            thin=self.thin,
        )


class WebhookRequest(WebhookSettings):
    url: Url
    after: After = "latest"


class WebhookUpdate(WebhookSettings):
    """Only the fields that are there are changed."""

    url: Url | None = None
    enabled: StrictBool | None = None
    after: After | None = None

    def target_of(self, webhook: Webhook) -> Target:
        """What the webhook's target becomes."""
        settings = WebhookDocument.of(webhook).model_dump(include=set(WebhookSettings.model_fields))
        changed = self.model_dump(include=set(WebhookSettings.model_fields), exclude_unset=True)
        return WebhookSettings.model_validate(settings | changed).target(str(self.url or webhook.url))


class WebhookDocument(BaseModel):
    """`position`: how far the feed has been searched for it. `failing_since`: its first failure since a success."""

    id: UUID
    url: str
    description: str | None
    types: list[ChangeType]
    to: list[str] | None
    direction: Direction | None
    score: ScoreFilterDocument | None
    thin: bool
    enabled: bool
    position: int
    created_at: datetime
    old_secret_until: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        plain = ("id", "url", "description", "thin", "position", "created_at", "old_secret_until", "failing_since")
        fields = {name: getattr(webhook, name) for name in (*plain, "disabled_at", "disabled_because")}
        return cls(**fields, **webhook.filter, enabled=webhook.disabled_at is None)


class WebhookList(WholeList[WebhookDocument]):
    pass


class CreatedWebhook(BaseModel):
    """`secret` is shown only once. Receivers verify signatures with it (Standard Webhooks)."""

    secret: str
    webhook: WebhookDocument

    @classmethod
    def of(cls, made: NewSecret) -> Self:
        return cls(secret=made.secret, webhook=WebhookDocument.of(made.webhook))


class RotationRequest(BaseModel, extra="forbid"):
    overlap_hours: StrictFloat = Field(24, ge=0, le=24 * 30, description="How long the old secret signs too.")


class WebhookMessage(BaseModel):
    """What a webhook receives: a change, as in the feed, with the lead's present identities.

    `id` is the same for every attempt. Messages may arrive out of order: of one lead, the greatest `position` is the
    latest. Thin messages have no `identities`, and no `data` but those of merges. A test has no `position`.
    """

    type: str
    timestamp: datetime
    id: UUID
    position: int | None
    lead_id: UUID | None
    identities: dict[IdentityKind, list[str]] | None = Field(None, exclude_if=lambda value: value is None)
    data: dict[str, Any]


def render_message(position: int | None, change: Change, identities: Identities | None) -> str:
    """The body of a delivery. Without a lead's `identities`, it is thin."""
    is_thin = change.lead_id is not None and identities is None
    message = WebhookMessage(
        type=change.type,
        timestamp=change.at,
        id=change.id,
        position=position,
        lead_id=change.lead_id,
        identities=identities,
        data={} if is_thin and change.type not in IDS_ALONE else dict(change.data),
    )
    return message.model_dump_json()
