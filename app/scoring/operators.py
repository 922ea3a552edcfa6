"""Operators: each makes, from the operand that the model names, a test of one value.

The value is read as the operand's type, since HTML forms send only strings; what can't be read passes no test.
"""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from app.scoring.strings import comparable, with_ascii_digits

Test = Callable[[Any], bool]

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})
NUMBER = re.compile(
    r"[+-]?([1-9]\d{0,2}(?P<separator>[ ,'])\d{3}((?P=separator)\d{3})*(\.\d*)?"
    r"|(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?)"
)
"""A plain number, or one whose thousands are all set apart; `0,500` and `1,5` are not, for many write a decimal so."""

WHOLE_NUMBER = re.compile(r"(-?(?:0|[1-9]\d*))[.\u066b]0+", re.ASCII)
"""One with a point, as spreadsheets write it; with zeros in front it is a version or a code, such as `01.0`."""

ARABIC_SEPARATORS = str.maketrans("\u066b\u066c", ".,")
MAX_NUMBER_LENGTH = 400  # characters; longer ones would only cost time to read
NEGATIONS = {"ne": "eq", "not_in": "in"}


def as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return with_ascii_digits(comparable(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value) if value.is_integer() else value)  # 50.0 is 50 to JSON and to people
    return repr(value) if isinstance(value, int) else None


def as_equal_text(value: Any) -> str | None:
    """Like `as_text`, for a comparison with the whole of another text: `50.0` is `50` there too."""
    text = as_text(value)
    whole = WHOLE_NUMBER.fullmatch(text) if text and text.endswith("0") else None
    return whole[1] if whole else text


def as_number(value: Any) -> float | None:
    return _number_in(value) if isinstance(value, str) else as_json_number(value)


def as_json_number(value: Any) -> float | None:
    """A number that came as one; a string is none here, whatever it says."""
    return _finite(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number_in(text: str) -> float | None:
    plain = comparable(_with_ascii_numerals(text)) if len(text) <= MAX_NUMBER_LENGTH else ""
    found = NUMBER.fullmatch(plain)
    if not found:
        return None
    if found["separator"]:
        plain = plain.replace(found["separator"], "")
    try:
        return _finite(int(plain))  # exact, where a float would round
    except ValueError:
        return _finite(float(plain))


def _with_ascii_numerals(text: str) -> str:
    """The text with every script's digits and separators as ASCII; empty if it has other numerals, as 10² does."""
    if text.isascii():
        return text
    plain = with_ascii_digits(text).translate(ARABIC_SEPARATORS)
    return "" if any(each.isnumeric() and not each.isascii() for each in plain) else plain


def _finite(number: float) -> float | None:
    return number if abs(number) <= sys.float_info.max else None


def as_boolean(value: Any) -> bool | None:
    text = as_equal_text(value)
    return True if text in TRUE_WORDS else False if text in FALSE_WORDS else None


def reader_for(operand: Any) -> Callable[[Any], Any]:
    """How to read a value that is held beside this operand."""
    if isinstance(operand, bool):
        return as_boolean
    return as_number if isinstance(operand, int | float) else as_text


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def test_for(operand: Any) -> Test:
        read = reader_for(operand)
        wanted = read(operand)

        def test(value: Any) -> bool:
            found = read(value)
            return found is not None and compare(found, wanted)

        return test

    return test_for


def _substring(compare: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    """A test for a part of a text. An operand of nothing but blanks asks for a blank between two words."""

    def test_for(operand: Any) -> Test:
        wanted = as_text(operand) or " "

        def test(value: Any) -> bool:
            found = as_text(value)
            return found is not None and compare(found, wanted)

        return test

    return test_for


def _equality(operands: list[Any]) -> Test:
    """Equality to one of these. Each way of reading the value is tried once, however many operands there are.

    Beside a string that says a number, a number is read as one: `50`, `50.0` and `1e3` are written in many ways.
    """
    wanted: dict[Callable[[Any], Any], set[Any]] = {}
    for operand in operands:
        read = as_equal_text if isinstance(operand, str) else reader_for(operand)
        wanted.setdefault(read, set()).add(read(operand))
        number = as_number(operand) if isinstance(operand, str) else None
        if number is not None:
            wanted.setdefault(as_json_number, set()).add(number)
    (read_one, equals), *others = wanted.items()
    if not others:
        return lambda value: read_one(value) in equals
    return lambda value: any(read(value) in equals for read, equals in wanted.items())


OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "eq": lambda operand: _equality([operand]),
    "gt": _comparison(lambda found, wanted: bool(found > wanted)),
    "gte": _comparison(lambda found, wanted: bool(found >= wanted)),
    "lt": _comparison(lambda found, wanted: bool(found < wanted)),
    "lte": _comparison(lambda found, wanted: bool(found <= wanted)),
    "contains": _substring(lambda found, wanted: wanted in found),
    "starts_with": _substring(lambda found, wanted: found.startswith(wanted)),
    "ends_with": _substring(lambda found, wanted: found.endswith(wanted)),
    "in": _equality,
}
"""Beside these, `ne` and `not_in` negate `eq` and `in` on a present value, and `exists` asks for presence."""


def field_test(operators: Mapping[str, Any]) -> Test:
    """The question that all these operators together ask of a field, whose value is None where it is absent.

    Of a list, one element must pass every operator; `ne` and `not_in` must hold for the whole of it.
    """
    named = {name: operand for name, operand in operators.items() if name != "exists"}
    if operators.get("exists", True) is False:
        return lambda value: value is None and not named
    wanted = _every([OPERATORS[name](operand) for name, operand in named.items() if name not in NEGATIONS])
    unwanted = [OPERATORS[NEGATIONS[name]](operand) for name, operand in named.items() if name in NEGATIONS]

    def test(value: Any) -> bool:
        if value is None:
            return False
        elements = value if isinstance(value, list) else (value,)
        if unwanted and any(passes(element) for passes in unwanted for element in elements):
            return False
        return wanted is None or any(map(wanted, elements))

    return test


def _every(tests: list[Test]) -> Test | None:
    if len(tests) > 1:
        return lambda value: all(test(value) for test in tests)
    return tests[0] if tests else None
