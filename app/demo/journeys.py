"""What one person does: visits, a conversion, a trial, and how it ends.

Intent decides how much of it there is. Whether a lead buys depends on what it did: mostly on using the product, then on
the demo and the webinar, a little on the company's size. So a backtest or a proposal has something to find.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from app.demo.messages import Sent, identify, page, record, sign_up, track, use
from app.demo.people import Person, pick

PAGES: Mapping[str, int] = {
    "/": 6,
    "/product": 5,
    "/customers": 3,
    "/docs": 3,
    "/about": 1,
    "/blog/five-metrics": 4,
    "/blog/scores-that-fade": 3,
    "/blog/talk-to-the-right-ten": 3,
}
LANDING_PAGES: Mapping[str, int] = {"/": 6, "/product": 2, "/blog/five-metrics": 3, "/blog/scores-that-fade": 2}
ASIDES: Mapping[str, int] = {
    "Article Read": 6,
    "Video Watched": 3,
    "Post Liked": 4,
    "Post Shared": 2,
    "Comment Posted": 1,
}
CONVERSIONS: Mapping[str, int] = {
    "Newsletter Subscribed": 6,
    "Content Downloaded": 6,
    "Webinar Registered": 5,
    "Form Submitted": 3,
    "Coupon Applied": 1,
}
FEATURES: Mapping[str, int] = {"import": 4, "report": 5, "alert": 2, "share": 2, "api": 1}
DISQUALIFIED_BECAUSE: Mapping[str, int] = {"competitor": 2, "no budget": 3, "student": 1, "wrong market": 2}
PRICES = (1_200, 2_400, 4_800, 9_600)
LARGE = ("201-500", "501-1000", "1001-5000")


@dataclass(frozen=True, slots=True)
class Plot:
    """What a lead will do after its conversion, decided beforehand."""

    webinar: bool
    trial: bool
    days_of_use: int
    demo: bool
    buys: bool
    is_ruled_out: bool
    upgrades: bool
    unsubscribes: bool


def journey(random: Random, person: Person, now: datetime) -> Iterator[Sent]:
    """All that the person does, in no particular order; some of it may lie after `now`."""
    yield from _visit(random, person, person.first_seen_at, landing=True)
    if person.contact is None:
        yield from _visits(random, person, person.first_seen_at, round(random.expovariate(1) * 3 * person.intent))
        return
    # It leaves its address within the first 20 days, and in any case by now.
    waited = random.random() * min(timedelta(days=20), (now - person.first_seen_at) * 0.9)
    converted_at = person.first_seen_at + waited
    yield from _visits(random, person, person.first_seen_at, round(4 * person.intent), until=converted_at)
    yield identify(person, converted_at)
    yield from _convert(random, person, converted_at)
    yield from _visits(random, person, converted_at, round(random.expovariate(1) * 9 * person.intent))
    yield from _follow(random, person, converted_at, _plot(random, person))


def _plot(random: Random, person: Person) -> Plot:
    webinar = _happens(random, 0.1 + 0.35 * person.intent)
    trial = _happens(random, 0.24 + 0.8 * person.intent + 0.1 * webinar)
    days_of_use = round(random.expovariate(1) * 12 * person.intent) if trial else 0
    demo = _happens(random, 0.05 + 0.25 * person.intent + 0.02 * min(days_of_use, 8))
    is_large = person.contact is not None and person.contact.company_size in LARGE
    buys = _happens(random, 0.05 * min(days_of_use, 10) + 0.25 * demo + 0.1 * webinar + 0.05 * is_large - 0.06)
    return Plot(
        webinar=webinar,
        trial=trial,
        days_of_use=days_of_use,
        demo=demo,
        buys=buys,
        is_ruled_out=demo and not buys and _happens(random, 0.5),
        upgrades=buys and _happens(random, 0.35),
        unsubscribes=not buys and _happens(random, 0.05),
    )


def _convert(random: Random, person: Person, at: datetime) -> Iterator[Sent]:
    event = pick(random, CONVERSIONS)
    yield track(person, at, event, **({"form": "contact"} if event == "Form Submitted" else {}))


def _follow(random: Random, person: Person, converted_at: datetime, plot: Plot) -> Iterator[Sent]:
    if plot.webinar:
        yield track(person, _later(random, converted_at, 1, 12), "Webinar Attended", title="Scores that sales trusts")
    trial_at = _later(random, converted_at, 0, 10)
    if plot.trial:
        yield from _trial(random, person, trial_at, plot.days_of_use)
    demo_at = _later(random, trial_at, 1, 12)
    if plot.demo:
        yield page(person, demo_at - timedelta(minutes=4), "/pricing")
        yield track(person, demo_at, "Demo Requested")
    yield from _ending(random, person, demo_at, plot)


def _trial(random: Random, person: Person, at: datetime, days_of_use: int) -> Iterator[Sent]:
    yield sign_up(person, at)
    yield use(person, at, "Signed Up")
    yield use(person, at + timedelta(minutes=2), "Trial Started", plan="Team")
    if not days_of_use:
        yield use(person, at + timedelta(days=14), "Trial Ended Unused")
    for day in range(days_of_use):
        used_at = _later(random, at, day * 1.4, day * 1.4 + 1)
        for number in range(random.randint(1, 4)):
            yield use(person, used_at + number * timedelta(minutes=7), "Feature Used", feature=pick(random, FEATURES))


def _ending(random: Random, person: Person, at: datetime, plot: Plot) -> Iterator[Sent]:
    ended_at = _later(random, at, 3, 20)
    if plot.buys:
        yield record(person, ended_at, "Order Completed", total=random.choice(PRICES))
    if plot.upgrades:
        yield record(person, _later(random, ended_at, 5, 40), "Upgrade Requested", plan="Enterprise")
    if plot.is_ruled_out:
        yield record(person, ended_at, "Lead Disqualified", reason=pick(random, DISQUALIFIED_BECAUSE))
    if plot.unsubscribes:
        yield record(person, ended_at, "Unsubscribed")


def _visits(
    random: Random, person: Person, since: datetime, count: int, until: datetime | None = None
) -> Iterator[Sent]:
    """Further visits: days apart, or spread evenly up to a moment."""
    at = since
    for number in range(count):
        at = since + (until - since) * (number + 1) / (count + 1) if until else _later(random, at, 0.5, 11)
        yield from _visit(random, person, at)


def _visit(random: Random, person: Person, at: datetime, *, landing: bool = False) -> Iterator[Sent]:
    yield page(person, at, pick(random, LANDING_PAGES if landing else PAGES), landing=landing)
    for _ in range(round(random.expovariate(1) * (1 + 2 * person.intent))):
        at += timedelta(seconds=random.randint(15, 200))
        yield page(person, at, pick(random, PAGES))
    if _happens(random, 0.06 + 0.5 * person.intent):
        yield page(person, at + timedelta(seconds=40), "/pricing")
    if _happens(random, 0.12 + 0.25 * person.intent):
        yield track(person, at + timedelta(seconds=90), pick(random, ASIDES))


def _later(random: Random, at: datetime, least_days: float, most_days: float) -> datetime:
    """A moment that many days later, moved to the working hours of that day if that leaves it later."""
    moment = at + timedelta(days=random.uniform(least_days, most_days))
    at_work = moment.replace(hour=int(random.triangular(7, 21, 11)), minute=random.randrange(60))
    return max(moment, at_work)


def _happens(random: Random, probability: float) -> bool:
    return random.random() < probability
