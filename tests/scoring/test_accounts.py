"""Accounts: which one a lead belongs to by its facts, and what the leads of one add up to."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scoring.accounts import AccountKey, Member, account_of, parse_account_key, roll_up
from app.scoring.document import Stage
from app.scoring.facts import Stamped

JOINED = Stamped("globex", datetime(2026, 3, 1, tzinfo=UTC), "m1")
STAGES = [*(Stage(name=name) for name in ("interest", "lead", "customer")), Stage(name="disqualified", outcome="lost")]
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("email", "account"),
    [
        ("ada@acme.example", "domain:acme.example"),
        ("Ada@EU.Sales.Acme.co.uk", "domain:acme.co.uk"),
        ("info@acme.example", "domain:acme.example"),
        ("ada@gmail.com", None),
        ("ada@mailinator.com", None),
        ("ada", None),
        (7, None),
        (None, None),
    ],
)
def test_a_lead_without_a_group_belongs_to_the_site_of_its_business_address(email: Any, account: str | None) -> None:
    found = account_of(None, {"email": email})
    assert (found and str(found)) == account


def test_a_group_comes_before_the_address() -> None:
    assert account_of(JOINED, {"email": "ada@acme.example"}) == AccountKey("group", "globex")


def test_derived_traits_that_a_client_sent_make_no_account() -> None:
    assert account_of(None, {"email_kind": "work", "email_domain": "acme.example"}) is None


def test_an_account_has_the_same_id_in_every_process() -> None:
    assert str(AccountKey("domain", "acme.example").id) == "7f85f256-69a3-52a6-9b74-d6de40a9ccea"


@given(value=st.text(min_size=1))
def test_keys_are_read_as_they_were_written(value: str) -> None:
    assert parse_account_key(str(AccountKey("group", value))) == AccountKey("group", value)


def member(lead_id: UUID, stage: str = "interest", scores: Mapping[str, float] = {"fit": 0}) -> Member:
    return Member(lead_id, stage, scores)


@pytest.mark.parametrize(
    ("stages", "stage"),
    [
        (["lead"], "lead"),
        (["customer", "interest", "disqualified"], "customer"),
        (["disqualified", "disqualified"], "disqualified"),
        (["disqualified", "interest"], "interest"),
    ],
)
def test_the_stage_is_the_highest_that_is_not_lost(stages: list[str], stage: str) -> None:
    rollup = roll_up(STAGES, [], [member(UUID(int=number), name) for number, name in enumerate(stages)])
    assert rollup.stage == stage
    assert rollup.leads == sum(rollup.stages.values()) == len(stages)
    assert rollup.stages == {name: stages.count(name) for name in stages}


def test_the_oldest_of_the_leads_with_the_highest_score_leads() -> None:
    rollup = roll_up(STAGES, ["fit"], [member(each, scores={"fit": -5}) for each in (THREE, ONE, TWO)])
    assert (rollup.highest, rollup.leaders, rollup.sums) == ({"fit": -5}, {"fit": ONE}, {"fit": -15})


def test_a_score_counts_only_the_leads_that_have_it() -> None:
    members = [member(ONE, scores={"old": 9, "fit": -3}), member(TWO, scores={})]
    rollup = roll_up(STAGES, ["fit", "new"], members)
    assert (rollup.highest, rollup.leaders, rollup.sums) == ({"fit": -3}, {"fit": ONE}, {"fit": -3})


@given(members=st.lists(st.floats(-100, 100).map(lambda value: round(value, 2)), min_size=1), data=st.data())
def test_the_order_of_the_leads_makes_no_difference(members: list[float], data: st.DataObject) -> None:
    found = [member(UUID(int=number), scores={"fit": value}) for number, value in enumerate(members)]
    shuffled = data.draw(st.permutations(found))
    assert roll_up(STAGES, ["fit"], found) == roll_up(STAGES, ["fit"], shuffled)
