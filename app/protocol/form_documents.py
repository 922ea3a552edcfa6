"""A form's answers as JSON: one flat object, or nested as in the webhooks of form builders.

Answers are found by shape, not by sender. They are in an object or list with a common name (`data`, `fields`,
`answers`, …), either as members of the object or, in a list, as objects with a label and a value.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from app.errors import MalformedRequest, ValidationFailed
from app.protocol.form_bodies import MAX_FIELDS, Fields
from app.protocol.form_names import squashed, trait_of
from app.protocol.messages import MAX_MESSAGE_ID_LENGTH
from app.protocol.values import as_text

_CONTAINERS = frozenset(
    {"payload", "formresponse", "response", "submission", "data", "formdata", "answers", "questions", "fields"}
    | {"properties", "hidden"}
)
_LABELS = ("title", "label", "question", "name", "fieldName", "column_name", "column_id", "key", "ref", "id")
_VALUES = ("value", "answer", "values", "string_value")
_CHOICES = ("label", "labels", "other")  # of Typeform's choices
_OUR_FIELDS = frozenset({"event", "userId", "anonymousId", "messageId", "writeKey"})
_OUR_FIELDS |= {"_next", "_gotcha", "_opened_at", "altcha"}
_DELIVERY_IDS = ("event_id", "eventId")


def read_document(document: Any) -> Fields:
    """The form's fields in a JSON object.

    Members outside the answers become properties, except for identities and control fields. A form builder's delivery
    id becomes the `messageId`, because builders repeat a delivery that was not answered in time.
    Raises ValidationFailed, and MalformedRequest for more than 1,000 fields.
    """
    if not isinstance(document, dict):
        raise ValidationFailed("A form as JSON must be one object, with its fields by name.")
    fields = list(islice(_read_fields(document), MAX_FIELDS + 1))
    if len(fields) > MAX_FIELDS:
        raise MalformedRequest(f"The form has more than {MAX_FIELDS:,} fields: send fewer.")
    return fields


def _read_fields(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not _containers(document):
        yield from _flatten(document, ())
        return
    answered = set()
    for name, value in _answers(document, _questions(document)):
        answered.add(squashed(name))
        yield name, value
    for name, value in _outside_answers(document):
        is_field = name in _OUR_FIELDS or trait_of(name) in ("email", "phone")
        if is_field or squashed(name) not in answered:
            yield name if is_field else f"properties[{name}]", value
    ids = [document[name] for name in _DELIVERY_IDS if isinstance(document.get(name), str)]
    if ids and len(ids[0]) <= MAX_MESSAGE_ID_LENGTH and "messageId" not in document:
        yield "messageId", ids[0]


def _containers(node: dict[str, Any]) -> list[Any]:
    return [
        value
        for name, value in node.items()
        if _is_list_of_answers(value) or (squashed(name) in _CONTAINERS and _holds_answers(value))
    ]


def _is_list_of_answers(value: Any) -> bool:
    """Whether a list consists of labels with values. Its name doesn't matter: Meta's and Google's differ."""
    return isinstance(value, list) and bool(value) and all(map(_is_labelled, value))


def _is_labelled(item: Any) -> bool:
    return isinstance(item, dict) and any(key in item for key in _LABELS) and any(key in item for key in _VALUES)


def _holds_answers(value: Any) -> bool:
    return bool(value) and (isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict)))


def _answers(node: Any, questions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The answers in the innermost containers."""
    inner = _containers(node) if isinstance(node, dict) else []
    for container in inner:
        yield from _answers(container, questions)
    if not inner and isinstance(node, dict):
        for name, value in node.items():
            labelled = isinstance(value, dict) and any(key in value for key in _VALUES)
            yield from _answer(value, questions, name) if labelled else _flatten(value, (name,))
    elif not inner:
        for item in node:
            yield from _answer(item, questions, "")


def _outside_answers(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if isinstance(value, dict) and squashed(name) in _CONTAINERS and _containers(value):
            yield from _outside_answers(value)
        elif not isinstance(value, dict | list):
            yield from _flatten(value, (name,))


def _answer(item: Any, questions: Mapping[str, str], name: str) -> Iterator[tuple[str, str]]:
    """One answer with its label, such as `{"title": "Your team", "type": "text", "value": "Sales"}`.

    An answer whose type is an email address or a phone number is yielded twice: as that trait, and as a property named
    by its question.
    """
    kind = item["type"] if isinstance(item, dict) and isinstance(item.get("type"), str) else ""
    value_keys = [key for key in (*_VALUES, kind) if isinstance(item, dict) and key in item]
    if not value_keys:
        yield from _flatten(item, (name,) if name else ())
        return
    field = item.get("field")
    question = field if isinstance(field, dict) else item  # Typeform's answers refer to their questions
    label = questions.get(str(question.get("id"))) or next(filter(None, map(question.get, _LABELS)), name)
    answer = item[value_keys[0]]
    if isinstance(answer, dict):
        answer = [text for key in _CHOICES for text in _as_list(answer.get(key))]
    trait = next((trait for trait in ("email", "phone") if _is_of(kind, trait)), None)
    names = [str(label)] if trait in (None, trait_of(str(label))) else [str(trait), f"properties[{label}]"]
    for value in _as_list(answer):
        for each in names:
            yield from _flatten(value, (each,))


def _is_of(kind: str, trait: str) -> bool:
    """Whether a form builder's field type means this trait: `email`, `INPUT_EMAIL`, `phone_number`."""
    return trait_of(kind.rpartition("INPUT_")[2]) == trait


def _questions(document: dict[str, Any]) -> dict[str, str]:
    """The titles of questions by id, which Typeform sends separately from the answers."""
    response = document.get("form_response")
    definition = response.get("definition") if isinstance(response, dict) else None
    fields = definition.get("fields") if isinstance(definition, dict) else None
    listed = [field for field in _as_list(fields) if isinstance(field, dict)]
    return {str(field.get("id")): str(field["title"]) for field in listed if field.get("title")}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _flatten(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """A value as one or more form fields: `{"who": {"email": …}}` becomes `who.email`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _flatten(inner, path)
    elif value is not None:
        yield ".".join(path), _as_field_text(value)


def _as_field_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValidationFailed("A field of the form has a number that is too large: send it as text.")
    return as_text(value) or ""
