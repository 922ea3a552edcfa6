"""Accounts: the organisation that a lead belongs to, and what the leads of one add up to.

A lead's account is the group that it joined last; else the domain of its email address, if that is neither a personal
nor a disposable one; else none. It follows from the lead's facts alone, so the order of events makes no difference.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid5

from app.scoring.document import Stage
from app.scoring.emails import derived_traits
from app.scoring.facts import Stamped
from app.scoring.referrers import site_of
from app.scoring.rules import to_cents

AccountKind = Literal["group", "domain"]

BUSINESS_KINDS = frozenset({"work", "role"})
"""The values of `email_kind` whose domain is an organisation's."""

_NAMESPACE = UUID("0f2f9d5c-2f0c-5c1f-9a57-8d2f3a1c7b64")


class AccountKey(NamedTuple):
    """What identifies an account. Its `str()` is its key in storage, such as `domain:acme.example`."""

    kind: AccountKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"

    @property
    def id(self) -> UUID:
        """Derived from the key, so that an account that comes back has the id that it had before."""
        return uuid5(_NAMESPACE, str(self))


def parse_account_key(text: str) -> AccountKey:
    kind, _, value = text.partition(":")
    return AccountKey(kind, value)  # type: ignore[arg-type]  # only kinds that we wrote are stored


def account_of(group: Stamped | None, traits: Mapping[str, Any]) -> AccountKey | None:
    """The account of a lead with these traits that joined this group last."""
    if group is not None:
        return AccountKey("group", group.value)
    email = traits.get("email")
    return _account_of_address(email) if isinstance(email, str) else None


@lru_cache(maxsize=16384)
def _account_of_address(email: str) -> AccountKey | None:
    derived = derived_traits(email)
    is_business = derived.get("email_kind") in BUSINESS_KINDS
    return AccountKey("domain", site_of(derived["email_domain"])) if is_business else None


# --- What the leads of an account add up to ---------------------------------------------------------------------


class Member(NamedTuple):
    """A lead of an account, as it was last evaluated: its stage, by the present model's names, and its scores."""

    lead_id: UUID
    stage: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rollup:
    """What the leads of an account add up to.

    `stage`: the highest that one of them is in; a lost one only if all of them are lost. `stages`: how many leads are
    in each. By score: the `highest` value, the lead that has it (of several, the oldest), and the sum of all values. A
    score that no lead has been evaluated by yet is absent.
    """

    leads: int
    stage: str
    stages: Mapping[str, int]
    highest: Mapping[str, float]
    leaders: Mapping[str, UUID]
    sums: Mapping[str, float]


def roll_up(stages: Sequence[Stage], scores: Iterable[str], members: Sequence[Member]) -> Rollup:
    """`stages` and `scores` are those of the present model; there is at least one member."""
    counts = Counter(member.stage for member in members)
    present = [stage for stage in stages if stage.name in counts]
    values = {name: [(-each.scores[name], each.lead_id) for each in members if name in each.scores] for name in scores}
    best = {name: min(of_score) for name, of_score in values.items() if of_score}
    return Rollup(
        leads=len(members),
        stage=max(enumerate(present), key=lambda pair: (pair[1].outcome != "lost", pair[0]))[1].name,
        stages={stage.name: counts[stage.name] for stage in present},
        highest={name: -negative for name, (negative, _) in best.items()},
        leaders={name: lead_id for name, (_, lead_id) in best.items()},
        sums={name: to_cents(-math.fsum(negative for negative, _ in values[name])) for name in best},
    )
