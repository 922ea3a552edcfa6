"""Documents for API keys: the request for one, and how keys are shown."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StrictFloat, StringConstraints, field_validator, model_validator

from app.documents.pages import WholeList
from app.documents.parameters import Moment, Storable
from app.protocol.forms import is_mappable
from app.scoring.strings import comparable
from app.services.keys import Key, KeyKind, NewKey
from app.validation.origins import read_allowed

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
Origin = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    Field(examples=["https://www.example.com"]),
    AfterValidator(read_allowed),
]


Permission = Literal["send_events", "send_trusted_events", "read", "manage"]
PERMISSIONS: Mapping[KeyKind, list[Permission]] = {
    "write": ["send_events"],
    "server": ["send_events", "send_trusted_events"],
    "read": ["read"],
    "admin": ["read", "manage"],
}


class KeyRequest(BaseModel, extra="forbid"):
    """`origins` and `events` restrict a write key; without them it may send any event from any origin.

    After `expires_at`, the key stops working. `map` assigns form fields to traits: `{"Ihre Firma": "company"}`.
    """

    kind: KeyKind
    name: Text
    origins: Annotated[list[Origin], Field(min_length=1, max_length=100)] | None = None
    events: Annotated[list[Text], Field(min_length=1, max_length=1_000)] | None = None
    map: Annotated[dict[Text, Text], Field(min_length=1, max_length=200)] | None = None
    expires_at: Moment | None = None

    @model_validator(mode="after")
    def _only_write_keys_are_restricted(self) -> Self:
        if self.kind != "write" and (self.origins or self.events):
            raise ValueError("only write keys can have `origins` and `events`")
        return self

    @model_validator(mode="after")
    def _only_keys_that_send_have_a_map(self) -> Self:
        if self.map and self.kind not in ("write", "server"):
            raise ValueError("only write and server keys can have a `map`, because no other key sends forms")
        return self

    @field_validator("map")
    @classmethod
    def _each_field_is_mapped_once(cls, mapping: dict[str, str] | None) -> dict[str, str] | None:
        if not all(map(is_mappable, mapping or ())):
            raise ValueError("maps a field that controls the form, or one that is never stored, such as a password")
        if mapping and len(set(map(comparable, mapping))) < len(mapping):
            raise ValueError("maps a field twice: case, hyphens and surrounding spaces are ignored")
        return mapping


class KeyDocument(BaseModel):
    """`hint` is the beginning of the key. The key itself is not stored.

    `last_used_at` is accurate to about two minutes. `old_secret_until`: how long a replaced secret works, or worked.
    """

    id: UUID
    kind: KeyKind
    name: str
    hint: str
    origins: list[str] | None
    events: list[str] | None
    map: dict[str, str] | None = Field(validation_alias="trait_map")
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    old_secret_until: datetime | None

    @classmethod
    def of(cls, key: Key) -> "KeyDocument":
        return cls.model_validate(key, from_attributes=True)


class CreatedKey(BaseModel):
    """`secret` is shown only once."""

    secret: str
    key: KeyDocument

    @classmethod
    def of(cls, made: NewKey) -> Self:
        return cls(secret=made.secret, key=KeyDocument.of(made.key))


class KeyRotationRequest(BaseModel, extra="forbid"):
    overlap_hours: StrictFloat = Field(24, ge=0, le=24 * 30, description="How long the old secret works too.")


class OwnKey(BaseModel):
    """The key of a request. `expires_at` is when the secret that was sent stops working."""

    id: UUID
    kind: KeyKind
    name: str
    may: list[Permission]
    origins: list[str] | None
    events: list[str] | None
    expires_at: datetime | None

    @classmethod
    def of(cls, key: Key) -> Self:
        fields = {name: getattr(key, name) for name in cls.model_fields if name != "may"}
        return cls(**fields, may=PERMISSIONS[key.kind])


class KeyList(WholeList[KeyDocument]):
    pass
