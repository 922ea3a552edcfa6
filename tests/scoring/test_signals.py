"""Signals of one event's name share what they read of the event: together they count what each would count alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.scoring.events import event_name_key
from tests.scoring.strategies import compiled, event_of, models, raw_events

Json = dict[str, Any]


@given(models(), st.lists(raw_events(3), min_size=1, max_size=5))
def test_the_signals_of_a_model_count_what_each_of_them_counts_alone(document: Json, raw: list[Json]) -> None:
    model = compiled(document)
    for number, each in enumerate(raw):
        event = event_of({**each, "message_id": f"m{number}"})
        key = event_name_key(event.name)
        alone = {
            signal.fingerprint for signal in model.signals.values() if key in signal.event_keys and signal.counts(event)
        }
        assert model.hits_of(event, model.fingerprints) == alone
