"""Dates, ids, addresses, free text and personal data are no candidates."""

from typing import Any

import numpy as np
import pytest

from app.insight.fields import is_candidate_name, is_level, is_numeric, looks_like_id


@pytest.mark.parametrize(
    "name",
    ["email", "first_name", "firstName", "Last Name", "phone", "user_id", "userId", "id", "address.street", "date",
     "birthday", "utm.referrer", "ip", "page_url", "message"],
)  # fmt: skip
def test_personal_data_ids_and_free_text_are_no_candidates(name: str) -> None:
    assert not is_candidate_name(name)


@pytest.mark.parametrize(
    "name", ["employees", "country", "plan", "planName", "form_name", "email_kind", "company.size", "minutes", "idle"]
)
def test_what_describes_a_lead_is_a_candidate(name: str) -> None:
    assert is_candidate_name(name)


@pytest.mark.parametrize("value", [True, 3, 2.5, "pro", "Head of Sales"])
def test_short_texts_numbers_and_booleans_are_levels(value: Any) -> None:
    assert is_level(value)


@pytest.mark.parametrize(
    "value",
    ["", " ", "2025-01-31", "2025-01-31T10:00:00Z", "31.12.2025", "1/31/2025", "ada@example.com", "https://example.com/a",
     "0d2b0b9a-7f0e-4d5c-9a51-0a8a3a0e2b11", "507f1f77bcf86cd799439011", "x" * 61, ["pro"], {"a": 1}, None],
)  # fmt: skip
def test_dates_ids_addresses_and_long_texts_are_not(value: Any) -> None:
    assert not is_level(value)


def test_numbers_in_texts_are_numbers_and_two_values_are_levels() -> None:
    assert is_numeric(["1", "2", "30"])
    assert not is_numeric([0, 1])
    assert not is_numeric(["1-10", "11-50", "51-200", "4"])


def test_a_text_that_is_different_in_almost_every_row_is_an_id() -> None:
    values = [f"order {number}" for number in range(100)]
    assert looks_like_id(values, np.arange(100))
    assert not looks_like_id(values, np.arange(1000) % 100)
    assert not looks_like_id(list(range(100)), np.arange(100))
