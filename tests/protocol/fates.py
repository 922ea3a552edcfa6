"""What became of the messages of a body, as tests like to look at it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.protocol.batches import Message
from app.scoring.events import Event


@dataclass(frozen=True, slots=True)
class Refused:
    index: int
    message_id: str | None
    code: str
    detail: str
    original: Any


class Fates(NamedTuple):
    """By index, in the order of the body."""

    accepted: list[tuple[int, Event]]
    refused: list[Refused]


def fates_of(messages: Iterable[Message]) -> Fates:
    fates = Fates([], [])
    for each in messages:
        assert (each.event is None) is not (each.error is None)
        if each.event is not None:
            fates.accepted.append((each.index, each.event))
        if each.error is not None:
            refused = Refused(each.index, each.message_id, each.error.code, each.error.detail, each.original)
            fates.refused.append(refused)
    return fates
