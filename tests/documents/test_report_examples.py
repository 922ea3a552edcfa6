"""The examples of reports in the OpenAPI document have the shape of what is answered, and a model that loads."""

from app.documents.backtests import BacktestDocument
from app.documents.proposals import ProposalDocument
from app.documents.report_examples import BACKTEST, PROPOSAL
from app.scoring.model import load_model


def test_the_examples_are_what_their_documents_say() -> None:
    assert BacktestDocument.model_validate(BACKTEST).model_dump(mode="json") == BACKTEST
    assert ProposalDocument.model_validate(PROPOSAL).model_dump(mode="json") == PROPOSAL


def test_the_proposed_model_has_the_proposed_rules() -> None:
    model = load_model(PROPOSAL["document"])
    points = {name: rule.points for name, rule in model.scores["propensity"].rules.items()}
    assert {rule["name"]: rule["points"] for rule in PROPOSAL["rules"]}.items() <= points.items()
