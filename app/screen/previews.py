"""How a preview is drawn: leads by stage, who moves where, and who moves most."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.documents.previews import MoveDocument, MoverDocument, PreviewDocument
from app.screen.people import Person
from app.screen.stages import Ladder, StageLook

MAX_MOVERS = 8
MAX_STAGES = 6
"""Stages in the matrix: the first ones that leads enter or leave."""


@dataclass(frozen=True, slots=True)
class StageChange:
    look: StageLook
    before: int
    after: int

    @property
    def change(self) -> int:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Cell:
    """Leads that move from one stage to another. `way`: the class of the stylesheet: up, down or the same."""

    leads: int
    way: str


@dataclass(frozen=True, slots=True)
class PreviewLook:
    """`stages`: those whose number of leads changes. `movers` and `moved` with the names of the leads.

    `moved`: some of the leads of `move`, if the page was asked for one.
    """

    preview: PreviewDocument
    stages: Sequence[StageChange]
    unchanged: Sequence[StageLook]
    rungs: Sequence[StageLook]
    matrix: Sequence[tuple[StageLook, Sequence[Cell]]]
    movers: Sequence[tuple[MoverDocument, Person | None]]
    move: MoveDocument | None
    moved: Sequence[tuple[UUID, Person | None]]


def move_named(preview: PreviewDocument, stages: str | None) -> MoveDocument | None:
    """The move between two stages, such as `mql:pql`."""
    return next((each for each in preview.moves if f"{each.from_stage}:{each.to_stage}" == stages), None)


def shown_leads(preview: PreviewDocument, move: MoveDocument | None) -> set[UUID]:
    """The leads that a page shows: those that move most, and some of a move."""
    return {*(mover.lead_id for mover in preview.movers[:MAX_MOVERS]), *(move.lead_ids if move else ())}


def look_at(
    preview: PreviewDocument,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    move: MoveDocument | None,
    people: Mapping[UUID, Person],
) -> PreviewLook:
    """`before` is the document of the active model, `after` that of the previewed one.

    `move`: the one whose leads are wanted. `people`: the shown leads that haven't been erased.
    """
    kept = {stage["name"] for stage in after["stages"]}
    ladder = Ladder.of([*after["stages"], *(stage for stage in before["stages"] if stage["name"] not in kept)])
    changes = list(_changes(preview, ladder))
    rungs = _moved(preview, ladder)
    return PreviewLook(
        preview=preview,
        stages=[each for each in changes if each.change],
        unchanged=[each.look for each in changes if not each.change],
        rungs=rungs,
        matrix=list(_matrix(preview, rungs)),
        movers=[(mover, people.get(mover.lead_id)) for mover in preview.movers[:MAX_MOVERS]],
        move=move,
        moved=[(lead_id, people.get(lead_id)) for lead_id in (move.lead_ids if move else ())],
    )


def _changes(preview: PreviewDocument, ladder: Ladder) -> Iterator[StageChange]:
    before, after = preview.stages.before, preview.stages.after
    for name in dict.fromkeys([*after, *before]):
        yield StageChange(ladder[name], before.get(name, 0), after.get(name, 0))


def _moved(preview: PreviewDocument, ladder: Ladder) -> list[StageLook]:
    """The stages that leads enter or leave, in the order of the ladder."""
    moves = [move for move in preview.moves if move.from_stage != move.to_stage]
    named = {name for move in moves for name in (move.from_stage, move.to_stage)}
    return [look for name, look in ladder.items() if name in named][:MAX_STAGES]


def _matrix(preview: PreviewDocument, rungs: Sequence[StageLook]) -> Iterator[tuple[StageLook, Sequence[Cell]]]:
    leads = {(move.from_stage, move.to_stage): move.leads for move in preview.moves}
    for row, left in enumerate(rungs):
        counts = [leads.get((left.name, entered.name), 0) for entered in rungs]
        yield left, [Cell(count, _way(row, column) if count else "") for column, count in enumerate(counts)]


def _way(row: int, column: int) -> str:
    if row == column:
        return "same"
    return "upw" if column > row else "dnw"
