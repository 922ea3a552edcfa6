"""Dry runs: evaluate a model on messages without storing anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.errors import InvalidMessage, ValidationFailed
from app.protocol.messages import Sender, read_message
from app.scoring.engine import CompiledModel, Evaluation, evaluate
from app.scoring.events import Event
from app.scoring.history import fold
from app.scoring.stages import stage_of
from app.validation.faults import Fault

ANONYMOUS = {"anonymousId": "somebody"}


def dry_run(
    model: CompiledModel, messages: Sequence[Any], now: datetime, as_of: datetime | None, *, trusted: bool
) -> tuple[Evaluation, str]:
    """Return the evaluation and the stage of one person who sent all these messages, whatever identities they carry.

    As in ingestion, a message sent twice counts once. Raises `ValidationFailed`, which lists every invalid message.
    """
    sender = Sender("dry run", trusted=trusted)
    events: dict[str, Event] = {}
    faults: list[Fault] = []
    for index, message in enumerate(messages):
        identified = {**ANONYMOUS, **message} if isinstance(message, dict) else message
        try:
            event = read_message(identified, sender=sender, received_at=now, live=False)
        except InvalidMessage as error:
            faults.append(Fault(f"messages[{index}]", error.detail))
        else:
            events.setdefault(event.message_id, event)
    if faults:
        raise ValidationFailed(f"{len(faults)} of the messages can't be used; `errors` lists each one.", tuple(faults))
    evaluation = evaluate(model, fold(model, events.values()), as_of or now)
    return evaluation, stage_of(evaluation, None)
