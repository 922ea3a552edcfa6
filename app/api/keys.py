"""Keys over HTTP, for those who hold an admin key."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from app.api.access import Admin, CurrentRuntime
from app.api.parameters import Storable
from app.api.problems import REFUSALS
from app.api.routes import StrictRoute
from app.protocol.forms import is_mappable
from app.protocol.origins import read_allowed
from app.scoring.strings import comparable
from app.services.keys import Key, KeyKind, create_key, list_keys, revoke_key

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


class KeyList(BaseModel):
    data: list[KeyDocument]
    next_cursor: None


router = APIRouter(
    prefix="/v1/keys",
    tags=["keys"],
    route_class=StrictRoute,
    dependencies=[Admin],
    responses=REFUSALS,
)


@router.post("", status_code=201)
async def create(runtime: CurrentRuntime, wanted: KeyRequest) -> CreatedKey:
    made = await create_key(
        runtime.database,
        wanted.kind,
        wanted.name,
        runtime.clock(),
        origins=wanted.origins,
        events=wanted.events,
        trait_map=wanted.map,
    )
    return CreatedKey(secret=made.secret, key=KeyDocument.of(made.key))


@router.get("")
async def list_all(runtime: CurrentRuntime) -> KeyList:
    return KeyList(data=list(map(KeyDocument.of, await list_keys(runtime.database))), next_cursor=None)


@router.delete("/{key_id}", status_code=204)
async def revoke(runtime: CurrentRuntime, key_id: UUID) -> None:
    """From now on, or within 5 seconds on other replicas, the key works no longer."""
    await revoke_key(runtime.database, key_id, runtime.clock())
    runtime.keys.forget()
