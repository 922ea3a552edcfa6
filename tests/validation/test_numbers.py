"""Numbers in text are read only as people write them."""

import re
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from app.settings import Settings
from app.validation.numbers import AsNumber, AsWholeNumber, read_number

UNCLEAR = ("1_000", " 5", "5\n", "\u0665", "\uff15", "nan", "inf", "-Infinity", "0x10", "", "1,5", "--1", "5\u00a0")
WHOLE = TypeAdapter[int](Annotated[int, AsWholeNumber])
NUMBER = TypeAdapter[float](Annotated[float, AsNumber])


@pytest.mark.parametrize("text", [*UNCLEAR, "1.0", "1e3"])
def test_an_unclear_text_is_not_a_whole_number(text: str) -> None:
    with pytest.raises(ValidationError, match="int_parsing"):
        WHOLE.validate_python(text)


@pytest.mark.parametrize("text", [*UNCLEAR, "1e999"])
def test_an_unclear_text_is_not_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        read_number(text)


@pytest.mark.parametrize("text", UNCLEAR)
def test_an_unclear_text_is_refused_where_a_number_is_expected(text: str) -> None:
    with pytest.raises(ValidationError, match="float_parsing"):
        NUMBER.validate_python(text)


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("+7", 7), ("-07", -7), ("0", 0)])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert (WHOLE.validate_python(text), WHOLE.validate_python(number)) == (number,) * 2


@pytest.mark.parametrize(("text", "number"), [("2.5", 2.5), (".5", 0.5), ("-1.", -1), ("1e3", 1000), ("7", 7)])
def test_a_number_is_read(text: str, number: float) -> None:
    assert (read_number(text), NUMBER.validate_python(text), NUMBER.validate_python(number)) == (number,) * 3


NUMERIC = [name for name, each in Settings.model_fields.items() if re.search(r"\b(int|float)\b", str(each.annotation))]


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("text", ["10_000", "\u0661\u0660", "nan"])
def test_an_unclear_number_is_refused_as_a_setting(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"LEADSCORE_{name.upper()}", text)
    with pytest.raises(ValidationError, match=rf"{name}\n.*_parsing"):
        Settings()
