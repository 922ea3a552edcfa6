"""The filters of a list of leads as its page shows them: views, pills that take one filter away, sort orders.

All are queries of `GET /v1/leads`, as pairs of names and values.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from pydantic import TypeAdapter

from app.screen.formats import day, number
from app.screen.labels import ScoreLook, as_words
from app.screen.stages import LOST, Ladder

Pairs = Sequence[tuple[str, str]]

FLAG = TypeAdapter(bool)
WEEK = timedelta(days=7)
MAX_NAMED = 2

DAYS = {
    "seen_after": "Seen since",
    "stage_since_after": "In the stage since",
    "next_change_before": "Changes before",
}
LIMITS = {"min_score": "at least", "max_score": "at most"}
TEXTS = {
    "q": "Begins with",
    "email": "Address",
    "account": "Account",
    "source": "Came by",
    "updated_after": "Updated after",
}

REPEATABLE = ("stage", "min_score", "max_score")
POSITION = ("cursor", "limit")
"""Parameters that say which part of a list to show, not which list."""


@dataclass(frozen=True, slots=True)
class View:
    """A list that people often want."""

    title: str
    pairs: Pairs
    is_current: bool

    @property
    def query(self) -> str:
        return query_of(self.pairs)


@dataclass(frozen=True, slots=True)
class Pill:
    """A filter in words, and the query without it."""

    text: str
    query: str


@dataclass(frozen=True, slots=True)
class Sort:
    """`direction`: as in `aria-sort`, while the list is sorted so."""

    name: str
    title: str
    query: str
    direction: str | None


def query_of(pairs: Iterable[tuple[str, str]]) -> str:
    return urlencode(list(pairs))


def effective(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Without values that FastAPI ignores: of a parameter that isn't repeatable, only the last one counts."""
    return list({pair if pair[0] in REPEATABLE else pair[0]: pair for pair in pairs}.values())


def without_position(pairs: Pairs) -> Pairs:
    return [pair for pair in pairs if pair[0] not in POSITION]


def replaced(pairs: Pairs, name: str, value: str) -> str:
    """The query with another value of a parameter, from the list's beginning."""
    return query_of([*(pair for pair in without_position(pairs) if pair[0] != name), (name, value)])


def continued(pairs: Pairs, cursor: str) -> str:
    """The query of the next page, as long as this one."""
    return query_of([*(pair for pair in pairs if pair[0] != "cursor"), ("cursor", cursor)])


# --- Views ------------------------------------------------------------------------------------------------------


def views(pairs: Pairs, ladder: Ladder, scores: Mapping[str, ScoreLook], today: date) -> list[View]:
    current = sorted(without_position(pairs))
    return [View(title, wanted, sorted(wanted) == current) for title, wanted in _views(ladder, scores, today)]


def _views(ladder: Ladder, scores: Mapping[str, ScoreLook], today: date) -> Iterator[tuple[str, Pairs]]:
    a_week_ago = (today - WEEK).isoformat()
    yield "For sales", [("sales_ready", "true"), ("sort", "stage_since")]
    for look in list(scores.values())[:1]:
        if warm := min((item for item in look.bands.items() if item[1] > 0), key=lambda item: item[1], default=None):
            band, least = warm
            warm_pairs = [("min_score", f"{look.name}:{least:g}"), ("seen_after", a_week_ago), ("sort", look.name)]
            yield f"{as_words(band)} this week", warm_pairs
    above_first = [("stage", name) for name in list(ladder)[1:] if ladder[name].colour != LOST]
    yield "New", [*above_first, ("stage_since_after", a_week_ago), ("sort", "stage_since")]
    yield "Cooling soon", [("next_change_before", (today + WEEK).isoformat()), ("sort", "next_change")]
    yield "All leads", []


# --- Pills ------------------------------------------------------------------------------------------------------


def pills(pairs: Pairs, ladder: Ladder, scores: Mapping[str, ScoreLook], today: date) -> list[Pill]:
    """One for each filter, several stages together."""
    kept = without_position(pairs)
    found = []
    if stages := [ladder[value].title for name, value in kept if name == "stage"]:
        found.append(Pill(_either(stages), query_of(pair for pair in kept if pair[0] != "stage")))
    found += [
        Pill(words, query_of(other for other in kept if other != pair))
        for pair in kept
        if (words := _words(*pair, scores, today))
    ]
    return found


def _either(titles: Sequence[str]) -> str:
    named, more = titles[:MAX_NAMED], len(titles) - MAX_NAMED
    return " or ".join(named) + (f" or {more} more" if more > 0 else "")


def _words(name: str, value: str, scores: Mapping[str, ScoreLook], today: date) -> str | None:
    if name in DAYS:
        return f"{DAYS[name]} {day(date.fromisoformat(value), today)}"
    if name in LIMITS:
        score, _, limit = value.partition(":")
        return f"{scores[score].title if score in scores else score} {LIMITS[name]} {limit}"
    if name == "sales_ready":
        return "For sales" if FLAG.validate_python(value) else "Not for sales"
    return f"{TEXTS[name]} {value}" if name in TEXTS else None


# --- Order ------------------------------------------------------------------------------------------------------


def sorts(pairs: Pairs, scores: Mapping[str, ScoreLook]) -> dict[str, Sort]:
    """What a list can be sorted by, by name. Only `next_change` ascends."""
    current = dict(pairs).get("sort", "last_seen_at")
    titles = {"last_seen_at": "Seen, latest first", "stage_since": "Stage, latest first"}
    titles |= {look.name: f"{look.title}, highest first" for look in scores.values()}
    titles |= {"next_change": "Next change, soonest first"}
    return {
        name: Sort(name, title, replaced(pairs, "sort", name), _direction(name) if name == current else None)
        for name, title in titles.items()
    }


def _direction(name: str) -> str:
    return "ascending" if name == "next_change" else "descending"


def limits(scores: Mapping[str, ScoreLook]) -> list[tuple[str, str]]:
    """The lower limits to choose from: the bands of every score. Values of `min_score` with their words."""
    return [
        (f"{look.name}:{least:g}", f"{look.title} at least {number(least)} ({band})")
        for look in scores.values()
        for band, least in sorted(look.bands.items(), key=lambda item: -item[1])
    ]
