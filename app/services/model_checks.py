"""Checking a scoring model before anybody relies on it: what the linter warns of, and whether its examples hold."""

from dataclasses import dataclass

from app.errors import ExamplesFailed
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.scoring.examples import ExampleResult, run_examples
from app.scoring.lint import LintWarning, lint
from app.validation.faults import Fault


@dataclass(frozen=True, slots=True)
class ModelReport:
    """What was found in a model, in the order of its document."""

    warnings: tuple[LintWarning, ...]
    examples: tuple[ExampleResult, ...]

    def require_examples(self) -> None:
        """Raises `ExamplesFailed`, with every example that fails."""
        results = enumerate(self.examples)
        failed = [Fault(f"examples[{index}]", failure) for index, result in results for failure in result.failures]
        if failed:
            msg = (
                "The model can't be published: its examples fail. Fix it, or what they expect, and post it as a draft."
            )
            raise ExamplesFailed(msg, tuple(failed))


def check_model(model: ScoringModel) -> ModelReport:
    """Takes up to seconds: not for the event loop."""
    return ModelReport(tuple(lint(model)), tuple(run_examples(compile_model(model, version=0))))
