"""Hypothesis strategies: histories of messages about a few people, with frequent collisions."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

from hypothesis import strategies as st

from app.scoring.events import Event
from tests.services.harness import alias, days_ago, event

PEOPLE = ("1", "2", "3")
NAMES = ("Page Viewed", "Demo Requested", "feature_used", "Order Completed", "Unheard Of", "Group Joined")
MOMENTS = tuple(days_ago(days) for days in (0, 0.25, 0.5, 1, 6, 13, 14, 15, 29, 30, 45))
EMAILS = {"1": "e1@example.com", "2": "e2@example.com", "3": "e3@acme.example"}

moments = st.sampled_from(MOMENTS)
pages = st.sampled_from(["/pricing", "/Pricing/eu", "/blog"]).map(lambda path: {"path": path})
campaigns = st.sampled_from([{"source": "google", "medium": "cpc"}, {"medium": "email"}])
contexts = st.fixed_dictionaries({}, optional={"page": pages, "campaign": campaigns})
traits = st.fixed_dictionaries(
    {}, optional={"size": st.sampled_from([None, 10, 50, "120", 2.5]), "city": st.sampled_from(["Ulm", "Köln", None])}
)

groups = st.fixed_dictionaries(
    {"groupId": st.sampled_from(["g1", "g2"])},
    optional={"plan": st.sampled_from(["free", "pro", None]), "seats": st.integers(1, 3)},
)


def _keys_of(person: str) -> tuple[str, ...]:
    return f"u{person}", EMAILS[person], f"p{person}", f"a{person}", f"a{person}-phone"


@st.composite
def one_message(draw: st.DrawFn, keys: Sequence[str]) -> Event:
    """An event with some of these identities. If one is an email, it is also a trait."""
    drawn = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=3, unique=True))
    users = [key for key in drawn if key.startswith("u")]
    carried = [key for key in drawn if key not in users[1:]]  # a message has at most one user id
    emails = [key for key in carried if key.startswith("e")]
    name = draw(st.sampled_from(NAMES))
    about = {"type": "group", "properties": draw(groups)} if name == "Group Joined" else {}
    return event(
        *carried,
        **about,
        name=name,
        at=draw(moments),
        trusted=draw(st.booleans()),
        source=draw(st.sampled_from(["website", "product"])),
        context=draw(contexts),
        traits=draw(traits) | ({"email": emails[0]} if emails else {}),
    )


@st.composite
def _true_alias(draw: st.DrawFn) -> Event:
    one, other = draw(st.permutations(PEOPLE))[:2]
    return alias(f"u{one}", f"u{other}", at=draw(moments))


@st.composite
def _own_message(draw: st.DrawFn) -> Event:
    return draw(one_message(_keys_of(draw(st.sampled_from(PEOPLE)))))


EVERY_KEY = [key for person in PEOPLE for key in _keys_of(person)]


@st.composite
def _claiming_alias(draw: st.DrawFn) -> Event:
    one, other = draw(st.permutations([*(f"u{person}" for person in PEOPLE), "a1", "a2"]))[:2]
    return alias(one, other, trusted=draw(st.booleans()), at=draw(moments))


def numbered(events: Sequence[Event]) -> list[Event]:
    """The same events with ids that follow their order, so that examples are reproducible."""
    return [replace(each, id=UUID(int=n), message_id=f"m{n:02}") for n, each in enumerate(events, start=1)]


@st.composite
def peaceful(draw: st.DrawFn, max_size: int = 12) -> list[Event]:
    """Histories in which nobody claims the identity of another known person; aliases may join some of the people.

    Every user names their address in some message, because a user and an address never linked are two people.
    """
    rare_alias = st.integers(0, 5).flatmap(lambda dice: _true_alias() if dice == 0 else _own_message())
    messages = draw(st.lists(rare_alias, min_size=1, max_size=max_size))
    introductions = [event(f"u{person}", EMAILS[person], at=draw(moments)) for person in PEOPLE]
    return numbered(draw(st.permutations([*messages, *introductions])))


def contested(max_size: int = 12) -> st.SearchStrategy[list[Event]]:
    """Histories in which anyone may claim any identity, also by aliases from browsers."""
    rare_alias = st.integers(0, 5).flatmap(lambda dice: _claiming_alias() if dice == 0 else one_message(EVERY_KEY))
    return st.lists(rare_alias, min_size=1, max_size=max_size).map(numbered)


def public(max_size: int = 12) -> st.SearchStrategy[list[Event]]:
    """Contested histories in which every message comes from a public key."""
    untrusted = one_message(EVERY_KEY).map(lambda message: replace(message, trusted=False))
    claim = st.permutations([*(f"u{person}" for person in PEOPLE), "a1", "a2"]).map(
        lambda keys: alias(keys[0], keys[1], trusted=False)
    )
    return st.lists(untrusted | claim, min_size=1, max_size=max_size).map(numbered)


@st.composite
def split(draw: st.DrawFn, events: Sequence[Event]) -> list[list[Event]]:
    """The same events in the same order, split into batches."""
    cuts = sorted(draw(st.sets(st.integers(1, max(len(events) - 1, 1)), max_size=3)))
    edges = [0, *cuts, len(events)]
    return [list(events[start:end]) for start, end in pairwise(edges) if start < end]
