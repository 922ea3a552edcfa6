"""Checks of a scoring model before it is published: the linter's warnings and the results of its examples."""

from dataclasses import dataclass

from app.errors import ExamplesFailed
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.scoring.examples import ExampleResult, run_examples
from app.scoring.lint import LintWarning, lint
from app.validation.faults import Fault


@dataclass(frozen=True, slots=True)
class ModelReport:
    """Warnings and example results, in the order of the document."""

    warnings: tuple[LintWarning, ...]
    examples: tuple[ExampleResult, ...]

    def require_examples(self) -> None:
        """Raise `ExamplesFailed`, which lists every failed expectation, if an example fails."""
        results = enumerate(self.examples)
        failed = [Fault(f"examples[{index}]", failure) for index, result in results for failure in result.failures]
        if failed:
            msg = (
                "The model's examples fail, so it can't be published. Fix the model or its examples and post it again."
            )
            raise ExamplesFailed(msg, tuple(failed))


def check_model(model: ScoringModel) -> ModelReport:
    """Lint a model and run its examples. Blocking, up to several seconds: call it in a thread."""
    return ModelReport(tuple(lint(model)), tuple(run_examples(compile_model(model, version=0))))
