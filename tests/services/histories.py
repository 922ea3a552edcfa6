"""What Hypothesis makes up: histories of messages about a few people, with everything meeting often."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

from hypothesis import strategies as st

from app.scoring.events import Event
from tests.services.harness import alias, days_ago, event

PEOPLE = ("1", "2", "3")
NAMES = ("Page Viewed", "Demo Requested", "feature_used", "Order Completed", "Unheard Of")
MOMENTS = tuple(days_ago(days) for days in (0, 0.25, 0.5, 1, 6, 13, 14, 15, 29, 30, 45))
EMAILS = {person: f"e{person}@example.com" for person in PEOPLE}

moments = st.sampled_from(MOMENTS)
pages = st.sampled_from(["/pricing", "/Pricing/eu", "/blog"]).map(lambda path: {"path": path})
campaigns = st.sampled_from([{"source": "google", "medium": "cpc"}, {"medium": "email"}])
contexts = st.fixed_dictionaries({}, optional={"page": pages, "campaign": campaigns})
traits = st.fixed_dictionaries(
    {}, optional={"size": st.sampled_from([None, 10, 50, "120", 2.5]), "city": st.sampled_from(["Ulm", "Köln", None])}
)


def _keys_of(person: str) -> tuple[str, ...]:
    return f"u{person}", EMAILS[person], f"p{person}", f"a{person}", f"a{person}-phone"


@st.composite
def one_message(draw: st.DrawFn, keys: Sequence[str]) -> Event:
    """An event under some of these identities; one with an email has it as a trait as well."""
    drawn = draw(st.lists(st.sampled_from(keys), min_size=1, max_size=3, unique=True))
    users = [key for key in drawn if key.startswith("u")]
    carried = [key for key in drawn if key not in users[1:]]  # a message has one user id at most
    emails = [key for key in carried if key.startswith("e")]
    return event(
        *carried,
        name=draw(st.sampled_from(NAMES)),
        at=draw(moments),
        trusted=draw(st.booleans()),
        source=draw(st.sampled_from(["website", "product"])),
        context=draw(contexts),
        traits=draw(traits) | ({"email": emails[0]} if emails else {}),
    )


@st.composite
def _joined(draw: st.DrawFn) -> Event:
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
    """The same events with ids that say in which order they came, however often Hypothesis tries them."""
    return [replace(each, id=UUID(int=n), message_id=f"m{n:02}") for n, each in enumerate(events, start=1)]


@st.composite
def peaceful(draw: st.DrawFn, max_size: int = 12) -> list[Event]:
    """Histories in which nobody claims an identity of another known person; some turn out to be one person.

    At some moment everybody says which address is theirs: a user and an address that nobody links are two people.
    """
    rare_alias = st.integers(0, 5).flatmap(lambda dice: _joined() if dice == 0 else _own_message())
    messages = draw(st.lists(rare_alias, min_size=1, max_size=max_size))
    introductions = [event(f"u{person}", EMAILS[person], at=draw(moments)) for person in PEOPLE]
    return numbered(draw(st.permutations([*messages, *introductions])))


def contested(max_size: int = 12) -> st.SearchStrategy[list[Event]]:
    """Histories in which anybody may claim anything, aliases of browsers included."""
    rare_alias = st.integers(0, 5).flatmap(lambda dice: _claiming_alias() if dice == 0 else one_message(EVERY_KEY))
    return st.lists(rare_alias, min_size=1, max_size=max_size).map(numbered)


def public(max_size: int = 12) -> st.SearchStrategy[list[Event]]:
    """Contested histories of which every message is from a key that pages show."""
    distrusted = one_message(EVERY_KEY).map(lambda message: replace(message, trusted=False))
    claim = st.permutations([*(f"u{person}" for person in PEOPLE), "a1", "a2"]).map(
        lambda keys: alias(keys[0], keys[1], trusted=False)
    )
    return st.lists(distrusted | claim, min_size=1, max_size=max_size).map(numbered)


@st.composite
def split(draw: st.DrawFn, events: Sequence[Event]) -> list[list[Event]]:
    """The same events in some batches, in the same order."""
    cuts = sorted(draw(st.sets(st.integers(1, max(len(events) - 1, 1)), max_size=3)))
    edges = [0, *cuts, len(events)]
    return [list(events[start:end]) for start, end in pairwise(edges) if start < end]
