"""Operators: each makes, from the operand that the model names, a test of one value.

The value is read as the operand's type, since HTML forms send only strings; what can't be read passes no test.
"""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]

TRUE_WORDS = frozenset({"true", "yes", "on", "1"})
FALSE_WORDS = frozenset({"false", "no", "off", "0"})
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LONGEST_NUMBER = 400  # characters; longer ones would only cost time to read
NEGATIONS = {"ne": "eq", "not_in": "in"}


def as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else None


def as_number(value: Any) -> float | None:
    if isinstance(value, str):
        return _number_in(value.strip())
    return _finite(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number_in(text: str) -> float | None:
    if len(text) > LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    try:
        return _finite(int(text))  # exact, where a float would round
    except ValueError:
        return _finite(float(text))


def _finite(number: float) -> float | None:
    return number if abs(number) <= sys.float_info.max else None


def as_boolean(value: Any) -> bool | None:
    text = as_text(value)
    if text is None:
        return None
    text = text.strip()
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


def _membership(operands: list[Any]) -> Test:
    """`eq` to one of these. Each way of reading the value is tried once, however many operands there are."""
    wanted: dict[Callable[[Any], Any], set[Any]] = {}
    for operand in operands:
        read = reader_for(operand)
        wanted.setdefault(read, set()).add(read(operand))
    return lambda value: any(read(value) in among for read, among in wanted.items())


OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "eq": _comparison(lambda found, wanted: bool(found == wanted)),
    "gt": _comparison(lambda found, wanted: bool(found > wanted)),
    "gte": _comparison(lambda found, wanted: bool(found >= wanted)),
    "lt": _comparison(lambda found, wanted: bool(found < wanted)),
    "lte": _comparison(lambda found, wanted: bool(found <= wanted)),
    "contains": _comparison(lambda found, wanted: wanted in found),
    "starts_with": _comparison(lambda found, wanted: bool(found.startswith(wanted))),
    "ends_with": _comparison(lambda found, wanted: bool(found.endswith(wanted))),
    "in": _membership,
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
