"""How stages look: each has a colour by its place on the ladder, and those for sales also have a bolt."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WON, LOST = "st5", "st7"
READY, READY_ABOVE_WON = "st4", "st6"
MAX_INITIALS = 4
MAX_SHORT = 14
OTHERS = ("st0", "st1", "st2", "st3")


@dataclass(frozen=True, slots=True)
class StageLook:
    """`colour` is a class of the stylesheet. `is_ready`: for sales."""

    name: str
    title: str
    colour: str
    is_ready: bool

    @property
    def short(self) -> str:
        """For narrow places: `MQL` of `mql`, if the title is long."""
        is_initials = len(self.name) <= MAX_INITIALS < MAX_SHORT < len(self.title)
        return self.name.upper() if is_initials else self.title


class Ladder(Mapping[str, StageLook]):
    """The looks of a model's stages, by name and in their order. An unknown name, of an older model, looks plain."""

    def __init__(self, looks: Iterable[StageLook]) -> None:
        self._looks = {look.name: look for look in looks}

    @classmethod
    def of(cls, stages: Sequence[Mapping[str, Any]]) -> "Ladder":
        """From the stages of a model's document."""
        return cls(_looks(stages))

    def __getitem__(self, name: str) -> StageLook:
        return self._looks.get(name) or StageLook(name, name, OTHERS[0], is_ready=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._looks)

    def __len__(self) -> int:
        return len(self._looks)

    def is_below(self, name: str, other: str) -> bool:
        """Whether a stage is below another. Stages of older models are below none."""
        names = list(self._looks)
        return name in names and other in names and names.index(name) < names.index(other)


def _looks(stages: Sequence[Mapping[str, Any]]) -> Iterator[StageLook]:
    others, is_above_won = 0, False
    for stage in stages:
        is_ready, outcome = bool(stage.get("sales_ready")), stage.get("outcome")
        if outcome in ("won", "lost"):
            colour = WON if outcome == "won" else LOST
            is_above_won = is_above_won or outcome == "won"
        elif is_ready:
            colour = READY_ABOVE_WON if is_above_won else READY
        else:
            colour = OTHERS[min(others, len(OTHERS) - 1)]
            others += 1
        yield StageLook(stage["name"], stage.get("title") or stage["name"], colour, is_ready)
