"""docs/recipes/receiver.py as a program, which is sent what leadscore's webhooks send."""

from collections.abc import Iterator
from http.client import HTTPConnection

import httpx
import pytest

from tests.recipes.deliveries import OTHER_SECRET, SECRET, Program, change, program


@pytest.fixture
def receiver() -> Iterator[Program]:
    with program("receiver.py", SECRET, "0") as receiver:
        yield receiver


def test_a_delivery_is_one_line(receiver: Program) -> None:
    first, second = change(4711), change(4712, type="lead.score_changed")
    assert [receiver.deliver(body).status_code for body in (first, second)] == [204, 204]
    assert receiver.printed.readline().startswith(f"{first['id']}: lead.stage_changed of lead {first['lead_id']}: ")
    assert receiver.printed.readline().startswith(f"{second['id']}: lead.score_changed of lead ")


def test_a_repeated_delivery_is_acknowledged_and_skipped(receiver: Program) -> None:
    body = change(4711)
    assert [receiver.deliver(body).status_code for _ in range(2)] == [204, 204]
    receiver.printed.readline()
    assert receiver.printed.readline() == f"{body['id']}: skipped, a duplicate\n"


def test_an_older_change_of_the_same_lead_is_skipped(receiver: Program) -> None:
    older, other = change(4710), change(4709, lead_id="01a20054-bf90-7148-a30d-73b502fc5ed8")
    assert [receiver.deliver(body).status_code for body in (change(4711), older, other)] == [204, 204, 204]
    receiver.printed.readline()
    assert receiver.printed.readline().startswith(f"{older['id']}: skipped, older than")
    assert receiver.printed.readline().startswith(f"{other['id']}: lead.stage_changed")


@pytest.mark.parametrize(
    "fault",
    [
        {"secret": OTHER_SECRET},
        {"age_s": 600},
        {"webhook-id": "another"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": ""},
    ],
    ids=str,
)
def test_what_leadscore_did_not_sign_is_refused(receiver: Program, fault: dict) -> None:
    forged, body = change(4711), change(4712)
    assert receiver.deliver(forged, **fault).status_code == 401
    receiver.deliver(body)
    assert receiver.printed.readline().startswith(body["id"])


def test_a_body_that_is_not_text_is_refused(receiver: Program) -> None:
    signed = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    assert httpx.post(receiver.url, content=b"\xff", headers=signed).status_code == 401


@pytest.mark.parametrize("length", ["2000000", "-1"])
def test_a_body_of_the_wrong_length_is_refused_before_it_is_read(receiver: Program, length: str) -> None:
    connection = HTTPConnection(receiver.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", length)
    connection.endheaders()
    assert connection.getresponse().status == 401
    connection.close()
