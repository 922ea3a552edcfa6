"""docs/recipes/slack.py as a program, between what leadscore's webhooks send and a fake of Slack."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.recipes.deliveries import SECRET, Program, change, program
from tests.recipes.slack_api import PATH, SlackApi
from tests.recipes.vendors import listening


@pytest.fixture
def api() -> Iterator[SlackApi]:
    with listening(api := SlackApi()):
        yield api


@pytest.fixture
def slack(api: SlackApi) -> Iterator[Program]:
    with program("slack.py", "0", WEBHOOK_SECRET=SECRET, SLACK_URL=api.url + PATH) as slack:
        yield slack


def stage_change(position: int, **data: Any) -> dict[str, Any]:
    body = change(position)
    return body | {"data": body["data"] | data}


def test_a_sales_ready_lead_is_announced_with_the_reasons(slack: Program, api: SlackApi) -> None:
    assert slack.deliver(change(4711)).status_code == 204
    text = "*ada@example.com is now sql* (was mql): engagement 85\n• demo: +40 engagement"
    assert api.messages == [
        {
            "text": "ada@example.com is now sql",
            "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}],
        }
    ]


def test_other_stages_and_silent_changes_are_not_announced(slack: Program, api: SlackApi) -> None:
    silent: list[dict[str, Any]] = [{"to": "mql"}, {"notify": False}]
    for position, data in enumerate(silent):
        assert slack.deliver(stage_change(position, **data)).status_code == 204
    assert slack.deliver(change(4711, type="lead.score_changed")).status_code == 204
    assert api.requests == []


def test_names_are_escaped_and_long_messages_are_cut(slack: Program, api: SlackApi) -> None:
    reasons = [{"rule": "<!channel> & co", "score": "fit", "points": -10.0}] * 200
    body = stage_change(1, reasons=reasons) | {"identities": {"email": ["<!here>@example.com"]}}
    assert slack.deliver(body).status_code == 204
    [message] = api.messages
    text = message["blocks"][0]["text"]["text"]
    assert message["text"] == "&lt;!here&gt;@example.com is now sql"
    assert "• &lt;!channel&gt; &amp; co: -10 fit\n" in text
    assert "<" not in text


def test_a_thin_payload_names_the_lead(slack: Program, api: SlackApi) -> None:
    body = change(4711)
    del body["identities"]
    assert slack.deliver(body).status_code == 204
    assert api.messages[0]["text"] == f"lead {body['lead_id']} is now sql"


def test_slacks_rate_limit_is_passed_on_and_the_next_delivery_is_announced(slack: Program, api: SlackApi) -> None:
    api.limits_at, api.retry_after_s = {0}, 30
    body = change(4711)
    refused = slack.deliver(body)
    assert (refused.status_code, refused.headers["Retry-After"], api.messages) == (503, "30", [])
    for _ in range(2):
        assert slack.deliver(body).status_code == 204
    assert len(api.messages) == 1


def test_without_slack_leadscore_is_asked_to_deliver_again() -> None:
    with program("slack.py", "0", WEBHOOK_SECRET=SECRET, SLACK_URL="http://127.0.0.1:1/") as slack:
        assert slack.deliver(change(4711)).status_code == 503
