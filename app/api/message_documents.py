"""What may be sent, for the OpenAPI document alone: it is `app.protocol` that reads it."""

from typing import Any

from app.protocol.identities import MAX_IDENTITY_LENGTH
from app.protocol.messages import MAX_MESSAGE_ID_LENGTH, MAX_NAME_LENGTH
from app.protocol.recovery import MAX_MESSAGES

Schema = dict[str, Any]

ID: Schema = {"type": ["string", "number", "null"], "maxLength": MAX_IDENTITY_LENGTH}
TIME: Schema = {"type": ["string", "number", "null"], "examples": ["2026-11-01T12:00:00Z"]}
OBJECT: Schema = {"type": ["object", "null"]}

COMMON: dict[str, Schema] = {
    "userId": ID | {"description": "Who it is, for those who are known."},
    "anonymousId": ID | {"description": "Who it is, for those who are not: a browser's or a device's own id."},
    "messageId": ID
    | {"maxLength": MAX_MESSAGE_ID_LENGTH, "description": "With it, the message may be sent again and counts once."},
    "timestamp": TIME | {"description": "When it happened; now by default."},
    "sentAt": TIME
    | {"description": "When it was sent, by the same clock: a wrong clock is corrected by it. Ignored if unreadable."},
    "context": OBJECT | {"description": "Where it happened: `page.url`, `page.referrer`, `campaign`; also `traits`."},
}
PROPERTIES: Schema = OBJECT | {"description": "What signals' conditions look at."}
TRAITS: Schema = OBJECT | {"description": "What is known of the person now. A null removes a trait."}
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
        "traits": OBJECT | {"description": "What is known of the group: properties of the event."},
    },
    "alias": {"previousId": ID | {"description": "The id that the person had before."}},
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
    fields = {"type": "object", "properties": OF_TYPE[message_type] | COMMON}
    somebody = [{"required": [name]} for name in ("userId", "anonymousId")]
    # An identify may name somebody by an email or a phone number among the traits.
    bounds = {"required": REQUIRED.get(message_type, [])} | ({} if message_type == "identify" else {"anyOf": somebody})
    return _body("application/json", fields | bounds, EXAMPLES[message_type])


def batch_body() -> Schema:
    """The request body of a path that takes many messages."""
    message = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": [*OF_TYPE]}}
        | {k: v for own in OF_TYPE.values() for k, v in own.items()}
        | COMMON,
    }
    own = {name: COMMON[name] for name in ("context", "timestamp", "sentAt")}
    fields = {
        "batch": {"type": "array", "maxItems": MAX_MESSAGES, "items": message},
        "writeKey": {"type": "string"},
    } | own
    example = {"batch": [{"type": kind} | EXAMPLES[kind] for kind in ("identify", "track")]}
    return _body("application/json", {"type": "object", "required": ["batch"], "properties": fields}, example)


def form_body() -> Schema:
    """The request body of an HTML form."""
    named = {
        name: {"type": "string"}
        for name in ("email", "phone", "writeKey", "event", "userId", "anonymousId", "messageId")
    }
    example = {"email": "ada@example.com", "company_size": "80"}
    return _body("application/x-www-form-urlencoded", {"type": "object", "properties": named}, example)


def _body(media_type: str, schema: Schema, example: Any) -> Schema:
    return {"required": True, "content": {media_type: {"schema": schema, "example": example}}}
