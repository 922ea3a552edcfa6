"""Signatures, as the package `standardwebhooks` verifies them at the receiver."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from app.webhooks.signing import new_secret, signed_headers

BODY = '{"type":"lead.stage_changed","name":"Zoë"}'


def now() -> datetime:
    return datetime.now(UTC)  # the package compares it with the clock


def test_a_receiver_verifies_the_signature() -> None:
    secret = new_secret()
    headers = signed_headers([secret], "m1", now(), BODY)
    assert Webhook(secret).verify(BODY.encode(), headers)["name"] == "Zoë"


def test_while_secrets_overlap_both_verify() -> None:
    secrets = [new_secret(), new_secret()]
    headers = signed_headers(secrets, "m1", now(), BODY)
    for secret in secrets:
        Webhook(secret).verify(BODY.encode(), headers)


@pytest.mark.parametrize("changed", ["body", "id", "secret"])
def test_anything_else_does_not_verify(changed: str) -> None:
    secret = new_secret()
    headers = signed_headers([secret], "m1", now(), BODY) | ({"webhook-id": "m2"} if changed == "id" else {})
    verifier = Webhook(new_secret() if changed == "secret" else secret)
    with pytest.raises(WebhookVerificationError):
        verifier.verify(BODY.encode() + (b" " if changed == "body" else b""), headers)
