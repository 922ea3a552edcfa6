"""Dry runs give the evaluation that ingesting the messages would have given, and store nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import ValidationFailed
from app.protocol.messages import Sender, read_message
from app.scoring.engine import Evaluation, compile_model, ledger
from app.services.dry_runs import dry_run
from tests.services.harness import EXAMPLES, NOW, Service, World, days_ago, small_model

Json = dict[str, Any]

MODEL = compile_model(small_model(), 1)


def evaluated(*messages: Any, trusted: bool = True, as_of: datetime | None = None) -> tuple[Evaluation, str]:
    return dry_run(MODEL, messages, NOW, as_of, trusted=trusted)


def track(name: str = "Demo Requested", **fields: Any) -> Json:
    return {"type": "track", "event": name, **fields}


def engagement(*messages: Any, **how: Any) -> float:
    return evaluated(*messages, **how)[0].values["engagement"]


def test_messages_are_scored_and_assigned_a_stage() -> None:
    evaluation, stage = evaluated(track("Feature Used"), track("Feature Used"), track())
    assert (evaluation.values, stage) == ({"engagement": 33, "fit": 0}, "sql")


def test_no_messages_evaluate_an_unknown_person() -> None:
    evaluation, stage = evaluated()
    assert (evaluation.values, stage) == ({"engagement": 0, "fit": 0}, "interest")


def test_a_message_sent_twice_counts_once() -> None:
    assert engagement(track(messageId="m1"), track(messageId="m1")) == 25


def test_the_first_of_two_messages_with_the_same_id_counts() -> None:
    assert engagement(track("Feature Used", messageId="m1"), track(messageId="m1")) == 4


def test_messages_without_an_id_all_count() -> None:
    assert engagement(track("Feature Used"), track("Feature Used")) == 8


@pytest.mark.parametrize("keys", [{}, {"userId": "u1"}, {"anonymousId": "a1"}, {"userId": "u2", "anonymousId": "a1"}])
def test_the_identities_in_messages_do_not_matter(keys: Json) -> None:
    assert engagement(track(), track("Feature Used", **keys)) == 29


def test_a_message_without_a_time_happens_now() -> None:
    assert evaluated(track())[0].profile.facts.last_seen_at == NOW


def test_sent_at_does_not_correct_timestamps() -> None:
    at = days_ago(10).isoformat()
    for times in ({"timestamp": at}, {"originalTimestamp": at}):
        assert evaluated(track(**times, sentAt=at))[0].profile.facts.last_seen_at == days_ago(10)


def test_a_person_can_be_evaluated_as_of_another_moment() -> None:
    told = track(timestamp=days_ago(10).isoformat())
    moments = (days_ago(11), days_ago(10), NOW, NOW + timedelta(days=20))
    assert [engagement(told, as_of=moment) for moment in moments] == [0, 25, 25, 0]
    assert [evaluated(told, as_of=moment)[1] for moment in moments] == ["interest", "sql", "sql", "interest"]


@pytest.mark.parametrize(("trusted", "stage"), [(True, "customer"), (False, "interest")])
def test_a_trusted_signal_counts_only_trusted_messages(trusted: bool, stage: str) -> None:
    assert evaluated(track("Order Completed"), trusted=trusted)[1] == stage


def test_every_invalid_message_is_reported_by_its_index() -> None:
    with pytest.raises(
        ValidationFailed, match=r"^2 of the messages can't be used; `errors` lists each one\.$"
    ) as caught:
        evaluated(track(), {"type": "track"}, track("Feature Used"), "no message")
    assert [(fault.path, fault.message) for fault in caught.value.faults] == [
        ("messages[1]", "`event` is missing: this type of message needs it."),
        ("messages[3]", "A message must be an object, not a string that contains one."),
    ]


def test_placeholder_ids_are_refused_as_in_ingestion() -> None:
    with pytest.raises(ValidationFailed) as caught:
        evaluated(track(userId="undefined"))
    assert [fault.path for fault in caught.value.faults] == ["messages[0]"]


def test_the_messages_are_not_modified() -> None:
    message = track(context={"traits": {"size": 60}})
    evaluation, _ = evaluated(message)
    assert evaluation.values["fit"] == 20
    assert message == track(context={"traits": {"size": 60}})


# --- The law ----------------------------------------------------------------------------------------------------

times = st.sampled_from([None, *(days_ago(days).isoformat() for days in (0, 0.5, 1, 6, 13, 14, 29, 45))])
ids = st.fixed_dictionaries({}, optional={"messageId": st.sampled_from(["m1", "m2", "m3"])})
tracks = st.fixed_dictionaries(
    {"type": st.just("track"), "event": st.sampled_from(["Demo Requested", "feature_used", "Order Completed", "Other"])}
)
pages = st.sampled_from(["/pricing", "/blog"]).map(lambda path: {"type": "page", "context": {"page": {"path": path}}})
identifies = st.fixed_dictionaries(
    {
        "type": st.just("identify"),
        "traits": st.fixed_dictionaries({}, optional={"size": st.sampled_from([10, 50, None])}),
    }
)
emails = st.just({"type": "identify", "traits": {"email": "ada@example.com"}})
messages = st.builds(
    lambda message, own, told: {**message, **own, "timestamp": told, "userId": "u1"},
    tracks | pages | identifies | emails,
    ids,
    times,
)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(messages, min_size=1, max_size=8), trusted=st.booleans(), later=st.integers(0, 40))
def test_a_dry_run_gives_what_ingesting_and_reading_gives(
    world: World, sent: list[Json], trusted: bool, later: int
) -> None:
    world.reset()
    moment = NOW + timedelta(days=later)
    for message in sent:
        world.ingest([read_message(message, type=None, sender=Sender("dry run", trusted=trusted), received_at=NOW)])
    told = dry_run(MODEL, sent, NOW, moment, trusted=trusted)
    assert written(*told) == world.run(_stored_evaluation(world.service, moment))


async def _stored_evaluation(service: Service, moment: datetime) -> Json:
    lead = await service.lead("u1")
    view = await service.leads.score(lead.lead.id, moment, moment)
    return written(view.evaluation, view.stage)


def written(evaluation: Evaluation, stage: str) -> Json:
    """An evaluation with its facts, except for the ids generated for messages without one."""
    facts = evaluation.profile.facts
    seen = (facts.first_seen_at, facts.last_seen_at, facts.event_count)
    lines = {name: ledger(evaluation, name) for name in evaluation.values}
    known = {"tally": facts.tally, "traits": evaluation.traits, "seen": seen}
    return {"stage": stage, "scores": evaluation.values, "ledger": lines, **known}
