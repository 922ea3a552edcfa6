"""The examples of reports in the OpenAPI document have the shape of what is answered, and a model that loads."""

from math import nan

from app.documents.backtests import BacktestDocument
from app.documents.measures import IntervalDocument
from app.documents.proposals import ProposalDocument
from app.documents.report_examples import BACKTEST, PROPOSAL
from app.scoring.model import load_model


def test_the_examples_are_what_their_documents_say() -> None:
    assert BacktestDocument.model_validate(BACKTEST).model_dump(mode="json") == BACKTEST
    assert ProposalDocument.model_validate(PROPOSAL).model_dump(mode="json") == PROPOSAL


def test_what_could_not_be_measured_is_null() -> None:
    assert IntervalDocument.model_validate({"value": nan, "low": 0, "high": 1}).value is None


def test_the_band_below_all_bands_has_an_empty_name() -> None:
    below = {None: BACKTEST["auc"], "hot": BACKTEST["auc"]}
    assert list(BacktestDocument.model_validate(BACKTEST | {"bands": below}).bands) == ["", "hot"]


def test_the_proposed_model_has_the_proposed_rules() -> None:
    model = load_model(PROPOSAL["document"])
    points = {name: rule.points for name, rule in model.scores["propensity"].rules.items()}
    assert {rule["name"]: rule["points"] for rule in PROPOSAL["rules"]}.items() <= points.items()
