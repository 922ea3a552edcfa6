"""Documents for checks of a scoring model: faults, warnings, example results and differences."""

from typing import Any, Self

from pydantic import BaseModel

from app.scoring.diff import Difference, Kind, Noun
from app.scoring.examples import ExampleResult
from app.scoring.lint import Code
from app.scoring.positions import locate
from app.services.model_checks import ModelReport, SourceReport
from app.validation.error_messages import encodable
from app.validation.faults import Position


class ModelFault(BaseModel):
    """`line` and `column` count from 1, and are null for the document as a whole, or if it was not written in YAML."""

    path: str
    message: str
    line: int | None
    column: int | None


class WarningDocument(BaseModel):
    """`line` and `column` count from 1, and are null if the model was not written in YAML."""

    code: Code
    path: str
    message: str
    line: int | None
    column: int | None

    @classmethod
    def list_of(cls, report: ModelReport) -> list[Self]:
        return [
            cls(code=each.code, path=each.path, message=each.message, **_place(locate(each.path, report.positions)))
            for each in report.warnings
        ]


class ExampleDocument(BaseModel):
    """`failures` lists the expectations that were not met; it is empty if the example holds."""

    name: str
    holds: bool
    failures: list[str]

    @classmethod
    def of(cls, result: ExampleResult) -> Self:
        return cls(name=result.name, holds=not result.failures, failures=[*result.failures])


class DifferenceDocument(BaseModel):
    """`recounts`: whether the signal has to be recounted from the event log."""

    kind: Kind
    noun: Noun
    path: str
    summary: str
    before: Any
    after: Any
    recounts: bool

    @classmethod
    def of(cls, difference: Difference) -> Self:
        return cls.model_validate(difference, from_attributes=True)


class CheckDocument(BaseModel):
    """Warnings, examples and differences are empty if there are `faults`. `against`: the version compared with."""

    faults: list[ModelFault]
    warnings: list[WarningDocument]
    examples: list[ExampleDocument]
    against: int
    differences: list[DifferenceDocument]

    @classmethod
    def of(cls, found: SourceReport, against: int) -> Self:
        return cls(
            faults=_faults(found),
            warnings=WarningDocument.list_of(found.report),
            examples=list(map(ExampleDocument.of, found.report.examples)),
            against=against,
            differences=list(map(DifferenceDocument.of, found.differences)),
        )


def _faults(found: SourceReport) -> list[ModelFault]:
    placed = [(fault, fault.position or locate(fault.path, found.positions)) for fault in found.faults]
    return [
        ModelFault(path=encodable(fault.path), message=encodable(fault.message), **_place(position))
        for fault, position in placed
    ]


def _place(position: Position | None) -> dict[str, int | None]:
    return {"line": position.line, "column": position.column} if position else {"line": None, "column": None}
