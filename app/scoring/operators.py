"""Operators: each turns the model's operand into a test of one value.

The value is converted to the operand's type, because HTML forms send only strings. A value that can't be converted
fails every test.
"""

import operator
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from operator import methodcaller
from typing import Any

from app.scoring.strings import comparable, with_ascii_digits

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})
NUMBER = re.compile(
    r"[+-]?([1-9]\d{0,2}(?P<separator>[ ,'])\d{3}((?P=separator)\d{3})*(\.\d*)?"
    r"|(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?)"
)
"""A plain number, or one with a separator between all thousands. `0,500` and `1,5` don't match: in many countries
they are decimals."""

WHOLE_NUMBER = re.compile(r"(-?(?:0|[1-9]\d*))[.\u066b]0+", re.ASCII)
"""A whole number with decimals, as spreadsheets write it. `01.0` doesn't match: it is a version or a code."""

ARABIC_SEPARATORS = str.maketrans("\u066b\u066c", ".,")
MAX_NUMBER_LENGTH = 400  # characters; longer ones can't be finite floats, and would take time to parse
NEGATIONS = {"ne": "eq", "not_in": "in"}


def as_text(value: Any) -> str | None:
    if isinstance(value, str):
        text = comparable(value)
        return text if text.isascii() else with_ascii_digits(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value) if value.is_integer() else value)  # 50.0 and 50 are the same number in JSON
    return repr(value) if isinstance(value, int) else None


def as_equal_text(value: Any) -> str | None:
    """Like `as_text`, for a comparison with the whole of another text: `50.0` is `50` there too."""
    text = as_text(value)
    whole = WHOLE_NUMBER.fullmatch(text) if text and text.endswith("0") else None
    return whole[1] if whole else text


def as_number(value: Any) -> float | None:
    return _number_in(value) if isinstance(value, str) else as_json_number(value)


def as_json_number(value: Any) -> float | None:
    """The value if it is a finite JSON number. Unlike `as_number`, it does not convert strings."""
    return _finite(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number_in(text: str) -> float | None:
    plain = comparable(_with_ascii_numerals(text)) if len(text) <= MAX_NUMBER_LENGTH else ""
    match = NUMBER.fullmatch(plain)
    if not match:
        return None
    if match["separator"]:
        plain = plain.replace(match["separator"], "")
    try:
        return _finite(int(plain))  # exact, where a float would round
    except ValueError:
        return _finite(float(plain))


def _with_ascii_numerals(text: str) -> str:
    """The text with the digits and separators of every script in ASCII; empty if it has other numerals, as 10² has."""
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
    """The function that converts a value to the type of this operand."""
    if isinstance(operand, bool):
        return as_boolean
    return as_number if isinstance(operand, int | float) else as_text


def as_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Test:
    """A test of a value as `read` converts it. If `read` gives None, the value can't be converted, and fails.

    The two are separate so that a value is converted once for all tests with the same `read`.
    """

    read: Callable[[Any], Any]
    passes: Callable[[Any], bool]

    def __call__(self, value: Any) -> bool:
        actual = self.read(value)
        return actual is not None and self.passes(actual)


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def test_for(operand: Any) -> Test:
        read = reader_for(operand)
        expected = read(operand)
        return Test(read, lambda actual: compare(actual, expected))

    return test_for


def _substring(method: str) -> Callable[[Any], Test]:
    """A test on part of a text. An operand of only blanks matches the blank between two words."""
    return lambda operand: Test(as_text, methodcaller(method, as_text(operand) or " "))


def _equality(operands: list[Any]) -> Test:
    """Whether a value equals one of these operands.

    The value is converted once per type, however many operands there are. If an operand is a string that contains a
    number, a JSON number is also compared with it as a number, since `50`, `50.0` and `5e1` are spellings of one.
    """
    expected: dict[Callable[[Any], Any], set[Any]] = {}
    for operand in operands:
        read = as_equal_text if isinstance(operand, str) else reader_for(operand)
        expected.setdefault(read, set()).add(read(operand))
        number = as_number(operand) if isinstance(operand, str) else None
        if number is not None:
            expected.setdefault(as_json_number, set()).add(number)
    (read_one, equal_values), *others = expected.items()
    if not others:
        return Test(read_one, equal_values.__contains__)
    return Test(as_is, lambda value: any(read(value) in equals for read, equals in expected.items()))


OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "eq": lambda operand: _equality([operand]),
    "gt": _comparison(operator.gt),
    "gte": _comparison(operator.ge),
    "lt": _comparison(operator.lt),
    "lte": _comparison(operator.le),
    "contains": _substring("__contains__"),
    "starts_with": _substring("startswith"),
    "ends_with": _substring("endswith"),
    "in": _equality,
}
"""In addition, `ne` and `not_in` negate `eq` and `in` for a value that is present, and `exists` tests presence."""


@dataclass(frozen=True, slots=True)
class FieldTest:
    """A test of a field as `read` converts its value, which is None if the field is absent.

    If `read` gives a list, one of its elements must pass; None fails.
    """

    read: Callable[[Any], Any]
    passes: Callable[[Any], bool]

    def __call__(self, value: Any) -> bool:
        actual = self.read(value)
        if isinstance(actual, list):
            return any(map(self.passes, actual))
        return actual is not None and self.passes(actual)


def field_test(operators: Mapping[str, Any]) -> FieldTest:
    """A test of a field against all these operators.

    A list passes if one of its elements passes every operator. `ne` and `not_in` must hold for all of its elements.
    """
    named = {name: operand for name, operand in operators.items() if name != "exists"}
    if not named:
        return FieldTest(_is_present, partial(operator.eq, operators["exists"]))
    if operators.get("exists", True) is False:
        return FieldTest(as_is, lambda _: False)  # what is absent meets no other operator
    required = [OPERATORS[name](operand) for name, operand in named.items() if name not in NEGATIONS]
    forbidden = [OPERATORS[NEGATIONS[name]](operand) for name, operand in named.items() if name in NEGATIONS]
    if len(required) == 1 and not forbidden:
        return FieldTest(_of_elements(required[0].read), required[0].passes)

    def passes(elements: tuple[Any, ...]) -> bool:
        for test in forbidden:
            if any(map(test, elements)):
                return False
        return not required or any(all(test(element) for test in required) for element in elements)

    return FieldTest(_all_elements, passes)


def _is_present(value: Any) -> bool:
    return value is not None


def _all_elements(value: Any) -> tuple[Any, ...] | None:
    """The elements of a list, or the value as the only one."""
    return tuple(value) if isinstance(value, list) else None if value is None else (value,)


@cache
def _of_elements(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Converts a value, or those elements of a list that can be converted."""

    def read_elements(value: Any) -> Any:
        if isinstance(value, list):
            return [actual for each in value if (actual := read(each)) is not None]
        return None if value is None else read(value)

    return read_elements
