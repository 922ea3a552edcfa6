"""Hypothesis strategies: scoring models as documents, events as plain dicts, facts.

Values come from small pools, so that conditions, names and days often match, and failures shrink to legible examples.
"""

from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from app.scoring.days import Days
from app.scoring.document import COMBINERS, DECAYS
from app.scoring.engine import CompiledModel, compile_model
from app.scoring.events import Event, Identity
from app.scoring.facts import Facts, Stamped, Tally, merge
from app.scoring.model import load_model

Json = dict[str, Any]
Names = tuple[str, ...]

MOMENT = datetime(2026, 3, 10, 12, tzinfo=UTC)
"""When leads are evaluated. Events occur before and after it."""

NAMES = [
    "Page Viewed",
    "page_viewed",
    " PAGE--VIEWED",
    "Page\u2014\u200bViewed",
    "Trial Started",
    "trial_started",
    "Straße",
    "STRASSE",
]
PATHS = ["size", "page.path", "page"]
EMAILS = ["ada@acme.example", "ada@gmail.com", "info@acme.example", "ada@mailinator.com", "no address"]
WORDS = [
    "",
    "a",
    "AB",
    "abc",
    "Straße",
    "STRASSE",
    "on",
    "No",
    " yes ",
    "true",
    "3",
    "50",
    " 7 ",
    "-2.5",
    "1e2",
    "1_0",
    "\u200babc ",
    "1,000",
    "1\u00a0000",
    "５０",
    "50.0",
]
NUMBERS = [0, 1, 3, 7, 50, 50.0, 1000, -2.5, 2.5, 1.0, 10**20]
OFFERED_DAYS = st.sampled_from([1, 2, 3, 7, 14, 30])
TIMES = [time(0), time(12), time(23, 59, 59, 999_999)]

words, numbers = st.sampled_from(WORDS), st.sampled_from(NUMBERS)
scalars = st.booleans() | numbers | words
cents = st.integers(-3_000, 6_000).map(lambda amount: amount / 100)
caps = st.integers(1, 3_000).map(lambda amount: amount / 100)
points = st.integers(-20, 20) | cents | st.floats(-50, 50)


OBJECTS: list[Any] = [[{"path": "abc"}, [{"path": [3, ["on"]]}]], [{}, 7, {"path": None}], [{"path": []}]]
LISTS: list[Any] = [*OBJECTS, [], [None], ["a"], [["a"]], ["abc", "on"], [3, "50", None], [True, 2.5]]
MAPPINGS: list[Any] = [{}, *({"path": value} for value in [None, False, 3, "50", "abc", "Straße", [7, "AB"]])]
values = st.sampled_from([None, False, True, *NUMBERS, *WORDS, *LISTS, *MAPPINGS])
"""Values of properties and traits. A fixed pool, because generating each value is slow."""

fields = st.fixed_dictionaries({}, optional={"size": values, "page": values, "page.path": values})
"""Properties, traits or a context, through which `PATHS` lead."""


# --- Events -----------------------------------------------------------------------------------------------------


@st.composite
def events(draw: st.DrawFn, last_day: int = 3, max_size: int = 14) -> list[Json]:
    """Raw events up to `last_day` days after `MOMENT`, in any order, each with its own message id."""
    at_least = draw(st.integers(0, max_size - 4))  # otherwise most lists would be nearly empty
    drawn = draw(st.lists(raw_events(last_day), min_size=at_least, max_size=max_size))
    ids = draw(st.permutations(range(len(drawn))))
    return [{**event, "message_id": f"m{number:02}"} for number, event in zip(ids, drawn, strict=True)]


@cache
def raw_events(last_day: int) -> st.SearchStrategy[Json]:
    emails = st.fixed_dictionaries({}, optional={"email": st.sampled_from(EMAILS) | st.none()})
    return st.fixed_dictionaries(
        {
            "name": st.sampled_from(NAMES),
            "properties": fields,
            "context": fields,
            "traits": st.builds(lambda one, other: {**one, **other}, fields, emails),
            "occurred_at": moments(-40, last_day),
            "trusted": st.booleans(),
        }
    )


def moments(first_day: int, last_day: int) -> st.SearchStrategy[datetime]:
    """Moments in the days around `MOMENT`, including the first and last of a day."""
    today = MOMENT.date()
    days = st.integers(-last_day, -first_day).map(lambda ago: today - timedelta(days=ago))
    return st.builds(datetime.combine, days, st.sampled_from(TIMES), st.just(UTC))


def event_of(raw: Json) -> Event:
    fields: Json = {"type": "track", **raw}
    return Event(
        id=UUID(int=0),
        source="test",
        identities=(Identity("user_id", "u1"),),
        received_at=raw["occurred_at"],
        **fields,
    )


def facts_from(model: CompiledModel, raw_events: list[Json]) -> Facts:
    return merge(model.facts_of(event_of(raw)) for raw in raw_events)


# --- Models -----------------------------------------------------------------------------------------------------


@st.composite
def models(draw: st.DrawFn, *, fading: bool = False) -> Json:
    """Scoring models of every kind of rule, decay, cap and condition, as documents that load.

    `fading` leaves out everything that time can't change, and conditions that few events meet.
    """
    offered = st.fixed_dictionaries({"on": st.sampled_from(NAMES)}) if fading else _signals()
    signals = draw(st.dictionaries(st.sampled_from(["s1", "s2", "s3"]), offered, min_size=1))
    scores = draw(
        st.dictionaries(
            st.sampled_from(["x", "y"]),
            _scores(tuple(sorted(signals)), fading=fading),
            min_size=draw(st.integers(0, 1)),
            max_size=2,
        )
    )
    names = ["first", *draw(st.permutations(["second", "third", "fourth"]))]
    rungs = draw(
        st.lists(
            _rungs(tuple(sorted(signals)), tuple(sorted(scores)), fading=fading),
            min_size=draw(st.integers(0, 2)),
            max_size=3,
        )
    )
    stages = [{"name": "first"}] + [{"name": name, **rung} for name, rung in zip(names[1:], rungs, strict=False)]
    treated = st.dictionaries(st.sampled_from(["size", "page", "email"]), TREATMENTS, max_size=2)
    traits = {} if fading else {"traits": draw(treated)}
    return {"name": "made up", **traits, "signals": signals, "scores": scores, "stages": stages}


def compiled(document: Json) -> CompiledModel:
    return compile_model(load_model(document), 1)


TITLES = st.sampled_from(["A title", "title"])
TREATMENTS = st.fixed_dictionaries({}, optional={"trusted": st.booleans()})


@cache
def _signals() -> st.SearchStrategy[Json]:
    on = st.sampled_from(NAMES) | st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)
    where = conditions(field_leaves("property") | field_leaves("context"))
    narrow = st.fixed_dictionaries({"on": on}, optional={"where": where, "trusted": st.booleans(), "title": TITLES})
    return st.fixed_dictionaries({"on": on}) | narrow


def conditions(leaves: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    def combined(children: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        parts = st.lists(children, min_size=1, max_size=2)
        return st.dictionaries(st.sampled_from(COMBINERS), parts, min_size=1, max_size=2)

    return leaves | st.recursive(leaves, combined, max_leaves=4)


@cache
@st.composite
def field_leaves(draw: st.DrawFn, subject: str) -> Json:
    paths = [*PATHS, "email_kind", "email_domain"] if subject == "trait" else PATHS
    operators = draw(st.dictionaries(st.sampled_from(sorted(OPERANDS)), st.none(), min_size=1, max_size=2))
    return {subject: draw(st.sampled_from(paths)), **{name: draw(OPERANDS[name]) for name in operators}}


_texts = st.sampled_from([word for word in WORDS if word])
_members = st.lists(scalars, min_size=1, max_size=3)
OPERANDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["eq", "ne"], scalars | st.sampled_from(["free", "disposable", "role", "work", "acme.example"])),
    **dict.fromkeys(["in", "not_in"], _members),
    **dict.fromkeys(["gt", "gte", "lt", "lte"], numbers | words),
    **dict.fromkeys(["contains", "starts_with", "ends_with"], _texts),
    "exists": st.booleans(),
}


@cache
@st.composite
def _scores(draw: st.DrawFn, signals: Names, *, fading: bool) -> Json:
    groups = draw(
        st.dictionaries(st.sampled_from(["g1", "g2"]), st.fixed_dictionaries({"max": st.just(0) | caps}), max_size=2)
    )
    names = st.sampled_from(["r1", "r2", "r3", "r4"])
    rules = draw(st.dictionaries(names, _rules(signals, tuple(sorted(groups)), fading=fading), min_size=1, max_size=4))
    low, high = sorted(draw(st.tuples(cents, cents)))
    limits = {"min": st.just(low), "max": st.just(high)}
    bands = st.dictionaries(st.sampled_from(["hot", "warm", "cold"]), cents)
    unequal = bands.filter(lambda named: len(set(named.values())) == len(named))
    titled = unequal.map(lambda named: {name: {"threshold": at, "title": "A title"} for name, at in named.items()})
    optional = {**limits, "bands": unequal | titled, "title": TITLES}
    return {"rules": rules, "groups": groups, **draw(st.fixed_dictionaries({}, optional=optional))}


@cache
def _rules(signals: Names, groups: Names, *, fading: bool) -> st.SearchStrategy[Json]:
    shared: Json = {"max_points": caps, "title": TITLES} | ({"group": st.sampled_from(groups)} if groups else {})
    of_signal: Json = {"signal": st.sampled_from(signals), "points": points}
    counted = shared | {"per_day": st.integers(1, 3)}
    frequent = of_signal | {"at_least": st.integers(1, 4), "within_days": OFFERED_DAYS}
    on_traits: Json = {"when": conditions(field_leaves("trait")), "points": points}
    silent: Json = {"inactive_for_days": OFFERED_DAYS, "points": points}
    rules = st.one_of(
        st.builds(lambda rule, decay: {**rule, **decay}, st.fixed_dictionaries(of_signal, optional=counted), _decays()),
        st.fixed_dictionaries(frequent, optional=counted),
        st.fixed_dictionaries(silent, optional=shared),
    )
    return rules if fading else rules | st.fixed_dictionaries(on_traits, optional=shared)


@cache
def _decays() -> st.SearchStrategy[Json]:
    half_lives = OFFERED_DAYS | st.sampled_from([0.001, 0.5, 3.7])
    spans = {name: half_lives if name == "half_life_days" else OFFERED_DAYS for name in DECAYS}
    return st.just({}) | st.one_of([st.fixed_dictionaries({name: days}) for name, days in spans.items()])


@cache
def _rungs(signals: Names, scores: Names, *, fading: bool) -> st.SearchStrategy[Json]:
    of_signal = {"at_least": st.integers(1, 4), "within_days": OFFERED_DAYS}
    leaves = st.fixed_dictionaries({"signal": st.sampled_from(signals)}, optional=of_signal)
    if not fading:
        leaves |= field_leaves("trait")
    if scores:
        leaves = _score_leaves(scores) | leaves
    rung = {"when": conditions(leaves)}
    return st.fixed_dictionaries(rung, optional={"keep": conditions(leaves), "sales_ready": st.booleans()})


@cache
@st.composite
def _score_leaves(draw: st.DrawFn, scores: Names) -> Json:
    near = st.integers(-5, 15) | cents
    operands: Json = dict.fromkeys(["gte", "lte", "gt", "lt", "eq", "ne"], near)
    operands |= dict.fromkeys(["in", "not_in"], st.lists(near, min_size=1, max_size=3))
    chosen = draw(st.sampled_from(["gte", "lte", *operands]))
    return {"score": draw(st.sampled_from(scores)), chosen: draw(operands[chosen])}


# --- Facts ------------------------------------------------------------------------------------------------------


def tallies() -> st.SearchStrategy[Tally]:
    days = st.dictionaries(st.integers(739_000, 739_004), st.integers(1, 5), min_size=1, max_size=3)
    return st.dictionaries(st.sampled_from(["f1", "f2"]), days.map(Days.of), max_size=2)


def stamped(held: st.SearchStrategy[Any]) -> st.SearchStrategy[Stamped]:
    """Values whose moments and message ids are often equal: two sources may use the same id."""
    return st.builds(Stamped, held, moments(-1, 0), st.sampled_from(["m1", "m2"]))


def facts() -> st.SearchStrategy[Facts]:
    """Any facts, not only those that events of some model could produce."""
    seen = st.tuples(moments(-5, 0), moments(-5, 0)).map(sorted) | st.just([None, None])
    return st.builds(
        lambda seen, **others: Facts(first_seen_at=seen[0], last_seen_at=seen[1], **others),
        seen=seen,
        tally=tallies(),
        traits=st.dictionaries(st.sampled_from(["email", "size"]), stamped(values), max_size=2),
        trusted_traits=st.dictionaries(st.sampled_from(["email", "size"]), stamped(values), max_size=2),
        source=st.none() | stamped(st.fixed_dictionaries({"channel": st.sampled_from(["direct", "email"])})),
        group=st.none() | stamped(st.sampled_from(["g1", "g2"])),
        event_count=st.integers(0, 5),
    )
