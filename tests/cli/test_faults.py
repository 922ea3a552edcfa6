"""Errors name the command's options."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.cli import keys, webhooks
from app.cli.faults import Options, refused_request
from app.cli.questions import read_request
from app.documents.keys import KeyRequest
from app.documents.outcomes import ProposalRequest
from app.documents.webhooks import WebhookRequest
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


KEY = {"kind": "write", "name": "website"}
WEBHOOK = {"url": "https://crm.example.com/leads", "types": ["lead.score_changed"]}


@pytest.mark.parametrize(
    ("document", "options", "fields", "message"),
    [
        (KeyRequest, keys.OPTIONS, KEY | {"map": {"origins": ""}}, "--map: must have 1 or more characters"),
        (KeyRequest, keys.OPTIONS, KEY | {"map": {"events": ""}}, "--map: must have 1 or more characters"),
        (KeyRequest, keys.OPTIONS, KEY | {"events": [""]}, "--event: must have 1 or more characters"),
        (
            WebhookRequest,
            webhooks.OPTIONS,
            WEBHOOK | {"score": {"name": "fit", "band": 5}},
            "--band: must be text",
        ),
        (
            WebhookRequest,
            webhooks.OPTIONS,
            WEBHOOK | {"score": {"name": "fit"}},
            "--score: must have either `--at-least` or `--band`",
        ),
    ],
)
def test_a_field_within_another_has_the_option_of_its_path(
    document: type[BaseModel], options: Options, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as invalid:
        document.model_validate(fields)
    assert str(refused_request(invalid.value, options)) == message
