"""A batch that is not JSON as a whole still gives up its good messages, within bounds."""

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import MalformedJson
from app.protocol.body import parse_json
from app.protocol.recovery import MAX_MESSAGES, Malformed, recover_batch

MIB = 1024 * 1024
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
ENVELOPES = st.dictionaries(st.text() | st.just("writeKey"), VALUES, max_size=3).map(
    lambda members: {name: value for name, value in members.items() if name != "batch"}
)


def message(number: int) -> str:
    return json.dumps({"type": "page", "userId": f"u{number}", "properties": {"tags": ["a]", "{", '"']}})


def body(*items: str | bytes, before: str = "", after: str = "") -> bytes:
    data = [item if isinstance(item, bytes) else item.encode() for item in items]
    return b"{" + before.encode() + b'"batch": [' + b", ".join(data) + b"]" + after.encode() + b"}"


def outcome(data: bytes) -> list[Any]:
    """Of each message its `userId`, or None where it is malformed."""
    document = recover_batch(data)
    assert document is not None
    return [None if isinstance(item, Malformed) else item["userId"] for item in document["batch"]]


BALANCED: list[str | bytes] = [
    '{"type": "page", "n": NaN}',
    '{"type": "page", "n": [-Infinity, {"a": 1}]}',
    '{"a": 1, "a": 2}',
    b'{"a": "\xff"}',
    b'{"a": "\xed\xa0\x80"}',
    '{"a":' * 31 + "1" + "}" * 31,
    "[" * 100_000 + "]" * 100_000,
    '{"a": ' + "9" * 3000 + "}",
    '{"a": undefined}',
    '{"a": 1,}',
    "{'a': 'b', 'c': [1]}",
    '{"a": "b\nc\td\0"}',
    '{"a": "say "hi" there"}',
    '{"a": 0x1F, b: .5, /* why */}',
    '{"a" 1}',
    '{"a": "\\x"}',
    "{} {}",
    "",
    "None",
]
UNBALANCED: list[str | bytes] = [
    '{"type": "page", "a": {"b": 1}',
    '{"type": "page"}}',
    '{"type": "page", "a": [1, 2}',
    '{"type": "page", "size": "27" monitor"}',
    '{"type": "page", "a": "b}',
]


@pytest.mark.parametrize("garbage", BALANCED + UNBALANCED, ids=lambda value: repr(value)[:30])
def test_a_malformed_message_costs_no_neighbour(garbage: str | bytes) -> None:
    data = body(message(0), garbage, message(2), message(3), before='"writeKey": "k", ', after=', "sentAt": "x"')
    with pytest.raises(MalformedJson):
        parse_json(data)
    assert outcome(data) == ["u0", None, "u2", "u3"]
    document = recover_batch(data)
    assert document is not None
    assert (document["writeKey"], document["sentAt"]) == ("k", "x")


@pytest.mark.parametrize("garbage", UNBALANCED)
def test_a_bracket_that_is_missing_in_the_last_message_costs_it_alone(garbage: str | bytes) -> None:
    data = body(message(0), garbage, after=', "writeKey": "k"')
    assert outcome(data) == ["u0", None]


def test_a_comma_behind_the_last_message_means_nothing() -> None:
    assert outcome(b'{"batch": [' + message(0).encode() + b", ]}") == ["u0"]


@pytest.mark.parametrize(
    ("cut", "found"),
    [
        (message(0), ["u0"]),
        (message(0) + ",", ["u0", None]),
        (message(0) + "," + message(1)[:-1], ["u0", None]),
        (message(0) + "," + message(1)[:10], ["u0", None]),
        (message(0)[:40], [None]),
    ],
)
def test_of_a_body_that_was_cut_off_the_whole_messages_count(cut: str, found: list[Any]) -> None:
    data = f'{{"writeKey": "k", "batch": [{cut}'.encode()
    assert outcome(data) == found
    document = recover_batch(data)
    assert document is not None
    assert document["writeKey"] == "k"


@pytest.mark.parametrize(
    ("tail", "members"),
    [
        ("", {}),
        (" \n", {}),
        (",", {}),
        (",}", {}),
        ("};", {}),
        ("}}", {}),
        ("]}", {}),
        ("}\0", {}),
        (',"sen', {}),
        (', "sentAt"', {}),
        (', "sentAt":', {}),
        (', "sentAt": "2026-01', {}),
        (', "sentAt": "x"', {"sentAt": "x"}),
        (', "sentAt": "x",}', {"sentAt": "x"}),
        (', "sentAt": "x", "context": {"a": [1', {"sentAt": "x"}),
        (', "context": {"a": NaN}, "sentAt": "x"}', {"sentAt": "x"}),
        (', "context": {"a": 1, "a": 2}, "sentAt": "x"}', {"sentAt": "x"}),
        (', "sentAt": , "timestamp": 1}', {"timestamp": 1}),
        (', "sentAt": "x", "sentAt": "y"}', {"sentAt": "y"}),
    ],
)
def test_a_fault_behind_the_list_costs_no_message(tail: str, members: dict[str, Any]) -> None:
    assert recover_batch(f'{{"batch": [{message(0)}, 1]{tail}'.encode()) == {
        "batch": [json.loads(message(0)), 1],
        **members,
    }


@pytest.mark.parametrize(
    "fault",
    [b'"context": {"a": NaN}', b'"context": {"a": 1, "a": 2}', b'"context": "\xff"', b'"\xff": 1', b'"a": 1, "a": 2'],
)
def test_a_fault_before_the_list_costs_no_message(fault: bytes) -> None:
    document = recover_batch(b'{"writeKey": "k", ' + fault + b', "batch": [' + message(0).encode() + b"]}")
    assert document is not None
    assert (document["writeKey"], document["batch"]) == ("k", [json.loads(message(0))])
    assert "context" not in document


def test_a_malformed_message_says_why_and_keeps_its_text() -> None:
    document = recover_batch(body(message(0), b'{"a": "\xff"}', '{"a": NaN}'))
    assert document is not None
    _, not_utf8, nan = document["batch"]
    assert not_utf8.text == '{"a": "\\xff"}'
    assert not_utf8.error.detail == "This message is not valid UTF-8: encode it as UTF-8."
    assert nan.error.detail.startswith("This message has NaN")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[1, NaN]",
        b'{"batch": NaN}',
        b'{"batch": {"a": NaN}}',
        b'{"other": [NaN]}',
        b'{"a": "\\"batch\\": [1]", "b": NaN}',
        b'{"inner": {"batch": [NaN]}}',
        b'{"batch": [NaN], "batch": []}',
        b'{"batch": [NaN], "b\\u0061tch" : [1]}',
        b'{"batch": [NaN], "context": NaN, "batch": [{"type": "page"}',
        b'{"batch": [NaN]} {}',
        b'{"batch": [1]}\n{"batch": [2]}',
        b'{"batch": [1]], 2]}',
        b'{"batch": [1], {"type": "page"}]}',
        b'{"batch": [1], "x"], 2]}',
        b'{"batch": [1], sentAt: 2}',
        b"{" + b'"a":1,' * 2000 + b'"batch": [NaN]}',
    ],
)
def test_a_fault_elsewhere_is_the_whole_bodys(data: bytes) -> None:
    assert recover_batch(data) is None


@pytest.mark.parametrize("key", ['"batch"', '"b\\u0061tch"', ' "\\u0062\\u0061\\u0074\\u0063\\u0068" '])
def test_the_list_is_found_however_its_key_is_spelt(key: str) -> None:
    prefix = '{"decoy": {"batch": [1], "t": "\\"batch\\": ["}, '
    assert outcome(f"{prefix}{key} : [{message(0)}, NaN]}}".encode()) == ["u0", None]


@given(ENVELOPES, st.lists(VALUES, max_size=5), st.randoms(use_true_random=False))
def test_of_valid_json_it_reads_the_same(envelope: dict[str, Any], messages: list[Any], random: Any) -> None:
    members = [*envelope.items(), ("batch", messages)]
    random.shuffle(members)
    data = json.dumps(dict(members), ensure_ascii=random.random() < 0.5, indent=random.choice([None, 1]))
    assert recover_batch(data.encode()) == parse_json(data.encode())


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_every_good_message_is_kept_among_balanced_garbage(good: list[bool], data: st.DataObject) -> None:
    words = st.text(st.characters(exclude_characters='[]{}",\\', codec="utf-8")).filter(lambda text: not _is_json(text))
    shapes = st.sampled_from(["{}", '"{}" x', "{{{}}}", "[{}; 1]", '{{"a": "b", {}}}']).flatmap(
        lambda shape: words.map(shape.format)
    )
    garbage = shapes.filter(lambda text: not _is_json(text) and text.strip() != "")
    items = [message(number) if ok else data.draw(garbage) for number, ok in enumerate(good)]
    assert outcome(body(*items)) == [f"u{number}" if ok else None for number, ok in enumerate(good)]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_more_messages_than_a_batch_may_have_are_not_looked_for() -> None:
    assert len(outcome(body(*[message(0)] * (MAX_MESSAGES - 1), "NaN"))) == MAX_MESSAGES
    assert recover_batch(body(*["NaN"] * (MAX_MESSAGES + 2))) is None


@pytest.mark.parametrize(
    "filling",
    ["[", "{", "[]", "[1]", ",", '"', "\\", '{"', ',{"', '"batch":[', "{}}", ", {[", '[{"type":"page"', '",{'],
    ids=str,
)
def test_hostile_bodies_cost_little(filling: str) -> None:
    for before in ('{"batch": [', '{"a": ', '{"batch": [{"a": '):
        data = (before + filling * (MIB // len(filling))).encode()
        started = process_time()
        recover_batch(data)
        assert process_time() - started < 3


@given(st.binary() | st.text('{}[],:" \\nbatch1').map(str.encode))
def test_any_bytes_are_read_or_given_up(data: bytes) -> None:
    for tail in (data, b'{"batch": [' + data):
        document = recover_batch(tail)
        assert document is None or isinstance(document["batch"], list)
