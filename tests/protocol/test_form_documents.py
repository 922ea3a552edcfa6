"""A form as JSON is read by its shape: flat, nested, or as a list of answers with their labels."""

from typing import Any

import pytest

from app.errors import MalformedRequest, ValidationFailed
from app.protocol.form_documents import read_document

SHAPES: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "flat": (
        {"email": "a@b.c", "seats": 5, "ok": True, "no": None},
        [("email", "a@b.c"), ("seats", "5"), ("ok", "true")],
    ),
    "a list of choices": ({"tags": ["a", "b"], "none": []}, [("tags", "a"), ("tags", "b")]),
    "nested": ({"who": {"email": "a@b.c", "at": {"x": 1}}}, [("who.email", "a@b.c"), ("who.at.x", "1")]),
    "objects in a list": ({"people": [{"n": 1}, {"n": 2}]}, [("people.n", "1"), ("people.n", "2")]),
    "a container": ({"data": {"Email": "a@b.c", "more": {"x": 1}}}, [("Email", "a@b.c"), ("more.x", "1")]),
    "containers in a container": ({"payload": {"form_data": {"Email": "a@b.c"}}}, [("Email", "a@b.c")]),
    "a container that holds none": ({"data": "x", "fields": []}, [("data", "x")]),
    "a list of labels and values": (
        {"submission": {"questions": [{"id": "q1", "name": "Size", "type": "Dropdown", "value": "10"}]}},
        [("Size", "10")],
    ),
    "Meta's lead ads": (
        {
            "id": "1",
            "field_data": [
                {"name": "email", "values": ["a@b.c"]},
                {"name": "full_name", "values": ["Ada L"]},
                {"name": "phone_number", "values": ["+49 30 123478"]},
            ],
        },
        [("email", "a@b.c"), ("full_name", "Ada L"), ("phone_number", "+49 30 123478"), ("properties[id]", "1")],
    ),
    "Google's lead forms": (
        {"user_column_data": [{"column_id": "EMAIL", "column_name": "User Email", "string_value": "a@b.c"}]},
        [("User Email", "a@b.c")],
    ),
    "labels with values under any name": ({"results": [{"label": "Size", "answer": 3}]}, [("Size", "3")]),
    "objects with labels alone": ({"people": [{"name": "Ada"}]}, [("people.name", "Ada")]),
    "an answer without a label": ({"answers": [{"key": "q1", "answer": ["a", "b"]}]}, [("q1", "a"), ("q1", "b")]),
    "an answer left out": ({"answers": [{"label": "Size", "value": None}]}, []),
    "plain objects in a list": ({"data": [{"Email": "a@b.c", "Size": 10}]}, [("Email", "a@b.c"), ("Size", "10")]),
    "answers by their keys": (
        {"fields": {"f1": {"title": "Size", "type": "text", "value": "10"}, "f2": {"value": "x"}}},
        [("Size", "10"), ("f2", "x")],
    ),
    "an address by its type": (
        {"data": {"fields": [{"key": "q1", "label": "Where to?", "type": "INPUT_EMAIL", "value": "a@b.c"}]}},
        [("email", "a@b.c"), ("properties[Where to?]", "a@b.c")],
    ),
    "a number by its type": (
        {"fields": [{"title": "Call me", "type": "phone", "value": "+49 30 123456"}]},
        [("phone", "+49 30 123456"), ("properties[Call me]", "+49 30 123456")],
    ),
    "an address by its type and its name": (
        {"fields": [{"title": "E-Mail", "type": "email", "value": "a@b.c"}]},
        [("E-Mail", "a@b.c")],
    ),
    "a choice": ({"answers": [{"ref": "q1", "type": "choice", "choice": {"label": "A"}}]}, [("q1", "A")]),
    "our fields beside the answers": (
        {"event": "Demo Requested", "data": {"Email": "a@b.c"}, "_gotcha": "x", "_opened_at": 1, "altcha": "s"},
        [("Email", "a@b.c"), ("event", "Demo Requested"), ("_gotcha", "x"), ("_opened_at", "1"), ("altcha", "s")],
    ),
    "somebody beside the answers": (
        {"email": "a@b.c", "name": "Demo form", "data": {"Size": 1}},
        [("Size", "1"), ("email", "a@b.c"), ("properties[name]", "Demo form")],
    ),
    "what the answers say already": ({"name": "Demo form", "data": {"Name": "Ada"}}, [("Name", "Ada")]),
    "the id of the delivery": (
        {"eventId": "e1", "data": {"x": 1}},
        [("x", "1"), ("properties[eventId]", "e1"), ("messageId", "e1")],
    ),
    "an id that is too long for a message": (
        {"event_id": "e" * 101, "data": {"x": 1}},
        [("x", "1"), ("properties[event_id]", "e" * 101)],
    ),
    "a message id of our own": ({"messageId": "m1", "data": {"x": 1}}, [("x", "1"), ("messageId", "m1")]),
}


@pytest.mark.parametrize(("document", "fields"), SHAPES.values(), ids=SHAPES)
def test_a_document_is_read_by_its_shape(document: Any, fields: list[tuple[str, str]]) -> None:
    assert read_document(document) == fields


@pytest.mark.parametrize(
    "document",
    [
        {"form_response": 1, "x": 2},
        {"form_response": {"definition": 1, "answers": [{"field": 1}]}},
        {"form_response": {"definition": {"fields": [1, {}]}, "answers": [1, [2], {"type": "email"}]}},
        {"answers": [{"type": ["x"], "value": {"y": [1]}, "label": {"z": 1}}]},
        {"data": {"": {"": ""}}},
    ],
)
def test_any_shape_is_read(document: Any) -> None:
    assert isinstance(read_document(document), list)


@pytest.mark.parametrize(
    "document", [[], [{"email": "a@b.c"}], {"seats": float("inf")}, {"data": {"x": [float("nan")]}}]
)
def test_what_is_no_object_or_holds_no_number_is_refused(document: Any) -> None:
    with pytest.raises(ValidationFailed):
        read_document(document)


@pytest.mark.parametrize("document", [{"a": list(range(1_001))}, {"data": {str(each): each for each in range(1_001)}}])
def test_a_thousand_fields_are_the_most(document: Any) -> None:
    with pytest.raises(MalformedRequest):
        read_document(document)
