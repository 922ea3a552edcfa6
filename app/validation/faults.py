"""Faults in a document, such as a scoring model or the body of a request, each with its place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text. Both count from 1; columns count characters."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its place in the document, such as `stages[2].when.all[0].gte`, and what is wrong there.

    `position`: where the document's text can't be parsed.
    """

    path: str
    message: str
    position: Position | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class InvalidModel(ValueError):
    """A document is not a valid scoring model. `faults` has everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults
