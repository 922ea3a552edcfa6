"""Checks of a scoring model before it is published: faults, the linter's warnings, its examples, what is different."""

from dataclasses import dataclass, field
from typing import Any

from app.errors import ExamplesFailed
from app.scoring.diff import Difference, compare
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.scoring.examples import ExampleResult, run_examples
from app.scoring.lint import LintWarning, lint
from app.scoring.positions import Positions, positions_in
from app.services.models import read_model
from app.validation.faults import Fault, InvalidModel


@dataclass(frozen=True, slots=True)
class ModelReport:
    """Warnings and example results, in the order of the document. `positions`: where the warnings are in its text."""

    warnings: tuple[LintWarning, ...] = ()
    examples: tuple[ExampleResult, ...] = ()
    positions: Positions = field(default_factory=dict)

    def require_examples(self) -> None:
        """Raise `ExamplesFailed`, which lists every failed expectation, if an example fails."""
        results = enumerate(self.examples)
        failed = [Fault(f"examples[{index}]", failure) for index, result in results for failure in result.failures]
        if failed:
            msg = (
                "The model's examples fail, so it can't be published. Fix the model or its examples and post it again."
            )
            raise ExamplesFailed(msg, tuple(failed))


def check_model(model: ScoringModel, text: str | None = None) -> ModelReport:
    """Lint a model and run its examples. `text`: the model in YAML, if it was written so.

    Blocking, up to several seconds: call it in a thread.
    """
    warnings = lint(model)
    return ModelReport(
        warnings=warnings,
        examples=run_examples(compile_model(model, version=0)),
        positions=positions_in(text) if warnings else {},
    )


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A check of what may not be a valid model: if it has `faults`, only they are reported, with their `positions`."""

    faults: tuple[Fault, ...]
    positions: Positions
    report: ModelReport
    differences: tuple[Difference, ...]


def check_source(source: str | dict[str, Any], before: ScoringModel) -> SourceReport:
    """Check a model in YAML or as data, and compare it with another. Blocking: call it in a thread."""
    text = source if isinstance(source, str) else None
    try:
        model = read_model(source)
    except InvalidModel as error:
        return SourceReport(error.faults, positions_in(text), ModelReport(), ())
    return SourceReport((), {}, check_model(model, text), compare(before, model))
