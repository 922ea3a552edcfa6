"""What clients may send, for the OpenAPI document only: `app.protocol` reads and checks messages."""

from typing import Any

from app.protocol.identities import MAX_IDENTITY_LENGTH
from app.protocol.messages import MAX_MESSAGE_ID_LENGTH, MAX_NAME_LENGTH
from app.protocol.recovery import MAX_MESSAGES

Schema = dict[str, Any]

ID: Schema = {"type": ["string", "number", "null"], "maxLength": MAX_IDENTITY_LENGTH}
TIME: Schema = {"type": ["string", "number", "null"], "examples": ["2026-11-01T12:00:00Z"]}
OBJECT: Schema = {"type": ["object", "null"]}

COMMON: dict[str, Schema] = {
    "userId": ID | {"description": "The person's id in your product, once it is known."},
    "anonymousId": ID | {"description": "The id of a browser or a device, before the person is known."},
    "messageId": ID
    | {"maxLength": MAX_MESSAGE_ID_LENGTH, "description": "A message sent twice with the same id counts once."},
    "timestamp": TIME | {"description": "When it happened; now by default."},
    "sentAt": TIME
    | {"description": "When it was sent, by the client's clock: corrects a wrong clock. Ignored if unreadable."},
    "context": OBJECT | {"description": "Where it happened: `page.url`, `page.referrer`, `campaign`; also `traits`."},
}
PROPERTIES: Schema = OBJECT | {"description": "What the conditions of signals refer to."}
TRAITS: Schema = OBJECT | {"description": "What is known about the person now. A null removes a trait."}
NAMED: dict[str, Schema] = {
    "name": {"type": ["string", "null"]},
    "category": {"type": ["string", "null"]},
    "properties": PROPERTIES,
}

OF_TYPE: dict[str, dict[str, Schema]] = {
    "track": {"event": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH}, "properties": PROPERTIES},
    "identify": {"traits": TRAITS},
    "page": NAMED,
    "screen": NAMED,
    "group": {
        "groupId": ID,
        "traits": OBJECT | {"description": "What is known about the group: properties of the event."},
    },
    "alias": {"previousId": ID | {"description": "The person's previous id."}},
}
REQUIRED = {"track": ["event"], "group": ["groupId"], "alias": ["previousId", "userId"]}

EXAMPLES: dict[str, dict[str, Any]] = {
    "track": {"userId": "u1", "event": "Feature Used", "properties": {"feature": "report"}},
    "identify": {"userId": "u1", "anonymousId": "a1", "traits": {"email": "ada@example.com", "company_size": 80}},
    "page": {"anonymousId": "a1", "context": {"page": {"url": "https://www.example.com/pricing", "path": "/pricing"}}},
    "screen": {"userId": "u1", "name": "Pricing"},
    "group": {"userId": "u1", "groupId": "g1", "traits": {"name": "Analytical Engines"}},
    "alias": {"userId": "u1", "previousId": "a1"},
}


def message_body(message_type: str) -> Schema:
    """The request body of a path that takes one message of this type."""
    return _body("application/json", message_type.title(), EXAMPLES[message_type])


def batch_body() -> Schema:
    """The request body of a path that takes many messages."""
    example = {"batch": [{"type": kind} | EXAMPLES[kind] for kind in ("identify", "track")]}
    return _body("application/json", "Batch", example)


def form_body() -> Schema:
    """The request body of an HTML form."""
    example = {"email": "ada@example.com", "company_size": "80"}
    return _body("application/x-www-form-urlencoded", "Form", example)


def _body(media_type: str, schema: str, example: Any) -> Schema:
    return {"required": True, "content": {media_type: {"schema": _reference(schema), "example": example}}}


def _reference(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


# --- The components to which bodies refer -----------------------------------------------------------------------


def body_schemas() -> dict[str, Schema]:
    """The schema of each body, by name: `Track`, `Identify` and so on, `Batch` and `Form`."""
    return {kind.title(): _message(kind) for kind in OF_TYPE} | {"Batch": _batch(), "Form": _form()}


def _message(message_type: str) -> Schema:
    properties = {"type": {"const": message_type}} | OF_TYPE[message_type] | COMMON
    schema: Schema = {"title": message_type.title(), "type": "object", "properties": properties}
    if message_type in REQUIRED:
        schema["required"] = REQUIRED[message_type]
    if message_type != "identify":  # which may name a person by an email or a phone number among its traits
        schema["anyOf"] = [{"required": [name]} for name in ("userId", "anonymousId")]
    return schema


def _batch() -> Schema:
    references = {kind: _reference(kind.title()) for kind in OF_TYPE}
    mapping = {kind: reference["$ref"] for kind, reference in references.items()}
    message = {
        "oneOf": [*references.values()],
        "required": ["type"],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    properties = {
        "batch": {"type": "array", "maxItems": MAX_MESSAGES, "items": message},
        "writeKey": {"type": "string"},
    } | {name: COMMON[name] for name in ("context", "timestamp", "sentAt")}
    return {"title": "Batch", "type": "object", "required": ["batch"], "properties": properties}


def _form() -> Schema:
    names = ("email", "phone", "writeKey", "event", "userId", "anonymousId", "messageId")
    return {"title": "Form", "type": "object", "properties": {name: {"type": "string"} for name in names}}
