"""What is wrong with a request is said of the command's options."""

from typing import Any

import pytest

from app.cli.questions import read_request
from app.documents.outcomes import ProposalRequest
from app.errors import ValidationFailed

ASKED = {"outcome": "sql", "within_days": 30}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"within_days": 0}, "--within: must be 1 or more"),
        ({"since_stage": ""}, "--since: must have 1 or more characters"),
        ({"closed_by": ["Lost", ""]}, "--closed-by: must have 1 or more characters"),
        (
            {"capacity_per_week": 1.0, "precision": 0.5},
            "the options: give either `--capacity` or `--precision`, not both",
        ),
    ],
)
def test_a_question_is_refused_by_its_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_request(ProposalRequest, None, None, **ASKED | options)
    assert str(refused.value) == message
