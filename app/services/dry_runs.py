"""Trying a model on messages: what it would make of them, with nothing stored."""

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

NOBODY = {"anonymousId": "somebody"}


def dry_run(
    model: CompiledModel, messages: Sequence[Any], now: datetime, as_of: datetime | None, *, trusted: bool
) -> tuple[Evaluation, str]:
    """The evaluation of one person who sent these messages, and the stage. Who they are from does not matter.

    As everywhere, a message that is sent twice counts once. Raises `ValidationFailed`, which names every bad one.
    """
    sender = Sender("dry run", trusted=trusted)
    events: dict[str, Event] = {}
    faults: list[Fault] = []
    for index, message in enumerate(messages):
        known = {**NOBODY, **message} if isinstance(message, dict) else message
        try:
            event = read_message(known, type=None, sender=sender, received_at=now, live=False)
        except InvalidMessage as error:
            faults.append(Fault(f"messages[{index}]", error.detail))
        else:
            events.setdefault(event.message_id, event)
    if faults:
        msg = f"{len(faults)} of the messages can't be used; `errors` names each."
        raise ValidationFailed(msg, tuple(faults))
    evaluation = evaluate(model, fold(model, events.values()), as_of or now)
    return evaluation, stage_of(evaluation, None)
