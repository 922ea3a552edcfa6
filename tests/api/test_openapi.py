"""The OpenAPI document: names, schemas and examples that clients can rely on."""

import json
import re
from typing import Any

import pytest
from jsonschema import ValidationError, validate

from app.api.paths import MESSAGE_PATHS
from app.api.problems import MEDIA_TYPE
from tests.api.harness import Api, accepted, track


async def test_every_error_of_a_route_is_documented_as_a_problem(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    wrong = [
        (path, method, status)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        for status, answer in route["responses"].items()
        if status >= "400" and (list(answer["content"]) != [MEDIA_TYPE] or "Problem" not in json.dumps(answer))
    ]
    assert wrong == []


async def test_the_documentation_is_served(web: Api) -> None:
    assert (await web.client.get("/docs")).status_code == 200


OPERATIONS = """
track identify page screen group alias send_batch import_history submit_form
look_up_lead look_up_leads list_leads get_lead get_lead_score get_lead_history list_lead_events list_lead_transitions
check_model create_model list_models get_model_schema get_model compare_models preview_model publish_model
list_rollouts get_rollout evaluate_messages list_keys create_key rotate_key revoke_key get_own_key
list_rejections count_rejections release_rejections get_challenge get_activity get_status
list_changes count_leads list_transitions list_lead_identities get_funnel list_sources get_signal_series
check_liveness check_readiness get_metrics
create_webhook list_webhooks get_webhook update_webhook delete_webhook rotate_secret send_test
list_deliveries get_delivery replay_deliveries replay_delivery
erase_lead_by_identity erase_lead_by_id merge_leads_by_hand split_lead_by_hand
retract_events list_retractions get_retraction undo_retraction
export_lead_as_lines export_person_as_lines
suppress_identities list_suppressions remove_suppression remove_suppression_by_identity
create_proposal create_backtest create_preview list_jobs get_job cancel_job
list_accounts get_account
"""


async def test_operations_have_names_that_a_generated_client_can_keep(web: Api) -> None:
    paths = (await web.client.get("/openapi.json")).json()["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert sorted(names) == sorted(OPERATIONS.split())
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)*", name)] == []


async def test_schemas_have_names_that_a_generated_client_can_keep(web: Api) -> None:
    """Two classes that share a name are published with their modules in it: `app__documents__…`."""
    names = (await web.client.get("/openapi.json")).json()["components"]["schemas"]
    assert [name for name in names if not re.fullmatch("[A-Z][A-Za-z0-9]*", name)] == []


async def test_every_reference_leads_to_a_schema(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references == set(document["components"]["schemas"])


async def test_every_kind_of_body_has_a_schema_of_its_own(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    names = {path: body["schema"]["$ref"].rpartition("/")[2] for path, (_, body) in ingestion_bodies(document).items()}
    singles = {f"/v1/{kind}": kind.title() for kind in MESSAGE_PATHS.values()}
    assert names == singles | {"/v1/batch": "Batch", "/v1/import": "Batch", "/v1/forms/{form}": "Form"}


def ingestion_bodies(document: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """By path, the media type of the body and what is documented of it."""
    return {
        path: next(iter(methods["post"]["requestBody"]["content"].items()))
        for path, methods in document["paths"].items()
        if methods.get("post", {}).get("tags") == ["ingestion"]
    }


async def test_every_example_of_what_may_be_sent_is_taken(web: Api) -> None:
    document = (await web.client.get("/openapi.json")).json()
    bodies = ingestion_bodies(document)
    assert len(bodies) == 9
    for path, (media_type, body) in bodies.items():
        validate(body["example"], body["schema"] | {"components": document["components"]})
        form = {"data": body["example"]} if "form" in media_type else {"json": body["example"]}
        answer = await web.client.post(path.replace("{form}", "contact"), auth=(web.keys["server"], ""), **form)
        assert answer.status_code == 200, (path, answer.text)
        assert accepted(answer)[0] == len(body["example"].get("batch", [1]))


async def test_every_example_of_a_job_is_taken_and_its_results_are_documented(still: Api) -> None:
    schemas = (await still.client.get("/openapi.json")).json()["components"]["schemas"]
    for name in ("proposal", "backtest"):
        (example,) = schemas[f"{name.title()}Request"]["examples"]
        answer = await still.do(f"/v1/{name}s", example)
        assert (answer.status_code, answer.json()["kind"]) == (202, name), answer.text
        assert schemas[f"{name.title()}Document"]["examples"]
    (example,) = schemas["PreviewJobRequest"]["examples"]
    assert (await still.do("/v1/previews", example)).status_code == 202
    result = json.dumps(schemas["JobDocument"]["properties"]["result"])
    assert all(f"/{name}Document" in result for name in ("Proposal", "Backtest", "Preview"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch": [{"userId": "u1", "event": "Liked"}]},
        {"batch": [{"type": "track", "userId": "u1"}]},
        {"batch": [{"type": "page"}]},
        {"batch": [{"type": "applaud", "userId": "u1"}]},
    ],
    ids=["without a type", "a track without an event", "a page of nobody", "an unknown type"],
)
async def test_the_schema_of_a_batch_knows_each_type_of_message(web: Api, wrong: Any) -> None:
    components = (await web.client.get("/openapi.json")).json()["components"]
    with pytest.raises(ValidationError):
        validate(wrong, {"$ref": "#/components/schemas/Batch", "components": components})


async def test_the_explanation_of_a_stage_is_documented_as_it_is_answered(web: Api) -> None:
    await web.batch(track(), track(event="Demo Requested"))
    lead = await web.lead(user_id="u1")
    score = (await web.ask(f"/v1/leads/{lead['id']}/score")).json()
    components = (await web.client.get("/openapi.json")).json()["components"]
    assert score["stage_reason"]["because"]
    validate(score, {"$ref": "#/components/schemas/ScoreDocument", "components": components})
