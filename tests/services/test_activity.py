"""Activity: figures by minute or hour and source equal what senders were answered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from app.errors import ValidationFailed
from app.protocol.bots import QUARANTINED
from app.scoring.events import Event
from app.services.activity import SourceActivity, Span, TimeUnit, prune_duplicates, read_activity, read_span
from app.storage.rejections import Rejection
from tests.services.harness import EXAMPLES, NOW, Service, World, event

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RESULTS = ("accepted", "duplicate", "rejected", "quarantined")

SOURCES = st.sampled_from(["website", "shop", "crm"])
MESSAGES = st.lists(st.tuples(SOURCES, st.integers(0, 6)), max_size=6)
REFUSALS = st.lists(st.tuples(SOURCES, st.sampled_from([*sorted(QUARANTINED), "invalid-identity"])), max_size=3)
SECONDS = st.sampled_from([0, 0.000001, 29.9, 60, 3599, 5000])
COMMITS = st.lists(st.tuples(SECONDS, MESSAGES, REFUSALS), min_size=1, max_size=8)
Commit = tuple[float, Sequence[tuple[str, int]], Sequence[tuple[str, str]]]


def refused(source: str, code: str, at: datetime) -> Rejection:
    return Rejection(uuid7(), source, at, code, "It was refused.", None, "{}")


def sent(source: str, number: int) -> Event:
    return event("u1", source=source, message_id=f"m{number}")


def start_of(moment: datetime, unit: TimeUnit) -> datetime:
    length = {"minute": 60, "hour": 3600}[unit]
    return datetime.fromtimestamp(moment.timestamp() // length * length, UTC)


async def ingest(service: Service, commits: Sequence[Commit]) -> Counter[tuple[datetime, str, str]]:
    """Send these, and count what became of each message as its sender would, by time, source and result."""
    seen: set[tuple[str, int]] = set()
    counts: Counter[tuple[datetime, str, str]] = Counter()
    for seconds, messages, refusals in commits:
        service.clock.now = now = service.clock.now + timedelta(seconds=seconds)
        rejections = [refused(source, code, now) for source, code in refusals]
        await service.writer.submit([sent(*message) for message in messages], rejections)
        for message in messages:
            counts[now, message[0], "duplicate" if message in seen else "accepted"] += 1
            seen.add(message)
        counts.update((now, source, "quarantined" if code in QUARANTINED else "rejected") for source, code in refusals)
    return counts


def counted(found: Sequence[SourceActivity]) -> dict[tuple[datetime, str, str], int]:
    rows = map(asdict, found)
    return {(row["start"], row["source"], result): row[result] for row in rows for result in RESULTS if row[result]}


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commits=COMMITS, unit=st.sampled_from(["minute", "hour"]), cut=st.integers(0, 180))
def test_the_figures_equal_a_recount(world: World, commits: Sequence[Commit], unit: TimeUnit, cut: int) -> None:
    world.reset()
    answered = world.run(ingest(world.service, commits))
    span = Span(start_of(NOW + cut * MINUTE, unit), start_of(world.service.clock.now, unit) + HOUR, unit)
    expected: Counter[tuple[datetime, str, str]] = Counter()
    for (moment, source, result), messages in answered.items():
        if span.since <= moment:
            expected[start_of(moment, unit), source, result] += messages
    found = world.run(read_activity(world.service.database, span))
    assert counted(found) == expected
    assert found == sorted(found, key=lambda each: (each.start, each.source))


async def test_old_numbers_of_duplicates_are_deleted(service: Service) -> None:
    again: Commit = (0, [("website", 1)] * 2, [])
    await ingest(service, [again, (86_400, [("website", 1)], [])])
    assert await prune_duplicates(service.database, NOW + timedelta(days=30, microseconds=1), 30) == 1
    found = await read_activity(service.database, Span(NOW, NOW + timedelta(days=2), "hour"))
    assert [(each.accepted, each.duplicate) for each in found] == [(1, 0), (0, 1)]


@pytest.mark.parametrize(
    ("since", "until", "unit", "expected"),
    [
        (None, None, "minute", (NOW - 59 * MINUTE, NOW + MINUTE)),
        (None, None, "hour", (NOW - 23 * HOUR, NOW + HOUR)),
        (None, NOW, "minute", (NOW - HOUR, NOW)),
        (NOW - timedelta(seconds=1), NOW + timedelta(seconds=1), "minute", (NOW - MINUTE, NOW + MINUTE)),
        (NOW - timedelta(seconds=1), NOW + timedelta(seconds=1), "hour", (NOW - HOUR, NOW + HOUR)),
        (NOW - 6 * HOUR, NOW, "minute", (NOW - 6 * HOUR, NOW)),
        (NOW - 168 * HOUR, NOW, "hour", (NOW - 168 * HOUR, NOW)),
    ],
)
def test_a_span_is_whole_minutes_or_hours(
    since: datetime | None, until: datetime | None, unit: TimeUnit, expected: tuple[datetime, datetime]
) -> None:
    assert read_span(since, until, unit, NOW) == Span(*expected, unit)


@pytest.mark.parametrize(
    ("since", "until", "unit"),
    [
        (NOW, NOW, "minute"),
        (NOW + HOUR, NOW, "minute"),
        (NOW - 361 * MINUTE, NOW, "minute"),
        (NOW - 169 * HOUR, NOW, "hour"),
        (None, datetime.min.replace(tzinfo=UTC), "minute"),
        (None, datetime.max.replace(tzinfo=UTC), "hour"),
    ],
)
def test_a_span_that_is_empty_or_too_long_is_refused(since: datetime | None, until: datetime, unit: TimeUnit) -> None:
    with pytest.raises(ValidationFailed, match="`from` must be before `to`"):
        read_span(since, until, unit, NOW)
