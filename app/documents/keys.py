"""API keys as they are asked for and shown."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from app.documents.pages import WholeList
from app.documents.parameters import Storable
from app.protocol.forms import is_mappable
from app.scoring.strings import comparable
from app.services.keys import Key, KeyKind
from app.validation.origins import read_allowed

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
Origin = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    Field(examples=["https://www.example.com"]),
    AfterValidator(read_allowed),
]


class KeyRequest(BaseModel):
    """`origins` and `events` narrow down what a write key may do; without them it may send anything from anywhere.

    `map` says which traits the fields of its forms are: `{"Ihre Firma": "company"}`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: KeyKind
    name: Text
    origins: Annotated[list[Origin], Field(min_length=1, max_length=100)] | None = None
    events: Annotated[list[Text], Field(min_length=1, max_length=1_000)] | None = None
    map: Annotated[dict[Text, Text], Field(min_length=1, max_length=200)] | None = None

    @model_validator(mode="after")
    def _only_write_keys_are_narrowed(self) -> Self:
        if self.kind != "write" and (self.origins or self.events):
            msg = "only a write key has `origins` and `events`"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _only_keys_that_send_have_a_map(self) -> Self:
        if self.map and self.kind not in ("write", "server"):
            msg = "only a write or a server key has a `map`: no other sends forms"
            raise ValueError(msg)
        return self

    @field_validator("map")
    @classmethod
    def _each_field_is_mapped_once(cls, mapped: dict[str, str] | None) -> dict[str, str] | None:
        if not all(map(is_mappable, mapped or ())):
            msg = "names a field that steers the form, or one that is never kept, such as a password"
            raise ValueError(msg)
        if mapped and len(set(map(comparable, mapped))) < len(mapped):
            msg = "names one field twice: case, dashes and blanks at the ends make no difference"
            raise ValueError(msg)
        return mapped


class KeyDocument(BaseModel):
    """`hint` is how the key begins. The key itself is not kept."""

    id: UUID
    kind: KeyKind
    name: str
    hint: str
    origins: list[str] | None
    events: list[str] | None
    map: dict[str, str] | None = Field(validation_alias="trait_map")
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: Key) -> "KeyDocument":
        return cls.model_validate(key, from_attributes=True)


class CreatedKey(BaseModel):
    """`secret` is shown this once."""

    secret: str
    key: KeyDocument


class KeyList(WholeList[KeyDocument]):
    pass
