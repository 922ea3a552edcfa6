"""What a version keeps beside its document: the text as it was written, who drafted it and who published it."""

import gzip
import json
from typing import Any

from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.scoring.model import dump_yaml, load_model
from tests.api.harness import Api, assert_problem, small_model

COMMENTED = """\ufeff# Ours, since März 2026 🎉
name:   commented\r
stages:          # one is enough
- {name: 'only'} \n\n"""


async def draft(api: Api, body: bytes, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await api.client.post("/v1/models", content=body, headers=api.bearer("admin") | named)
    assert answer.status_code == 201, answer.text
    return answer


async def text_of(api: Api, version: Any) -> bytes:
    headers = api.bearer("read") | {"Accept": "application/yaml"}
    answer = await api.client.get(f"/v1/models/{version}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/yaml")
    return answer.content


async def test_a_text_is_served_byte_for_byte_as_it_was_posted(api: Api) -> None:
    body = COMMENTED.encode()
    await draft(api, body)
    await draft(api, gzip.compress(body), Content_Encoding="gzip")
    assert [await text_of(api, version) for version in (2, 3)] == [body, body]


COMMENTS = st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs")), max_size=40)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(comment=COMMENTS, end=st.sampled_from(["\n", "\r\n", "\r"]))
async def test_any_comment_is_kept(web: Api, comment: str, end: str) -> None:
    body = f"# {comment}{end}name: m{end}stages: [{{name: only}}]  # {comment}".encode()
    answer = await draft(web, body, Content_Type="application/yaml")
    assert await text_of(web, answer.json()["version"]) == body


async def test_a_model_posted_as_json_is_served_as_yaml(web: Api) -> None:
    document = small_model(description="😀 \ttabs")
    version = (await draft(web, json.dumps(document).encode())).json()["version"]
    assert (await text_of(web, version)).decode() == dump_yaml(load_model(document))


async def test_the_starter_is_served_with_its_comments(web: Api) -> None:
    await draft(web, await text_of(web, 1))
    told = [await web.told(f"/v1/models/{version}") for version in (1, 2)]
    assert told[0]["document"] == told[1]["document"]


async def test_a_version_names_who_drafted_and_who_published_it(api: Api) -> None:
    await draft(api, COMMENTED.encode())
    drafted = await api.told("/v1/models/2")
    assert (drafted["created_by"], drafted["published_by"]) == (await key_named(api, "admin"), None)
    drafter = drafted["created_by"]
    api.keys["admin"] = await api.new_key("admin")
    await api.publish(2)
    published = await api.told("/v1/models/active")
    assert (published["created_by"], published["published_by"]) == (drafter, await key_named(api, "admin"))
    assert drafter != published["published_by"]
    assert (await api.told("/v1/models"))["data"][0]["published_by"] == published["published_by"]
    assert (await api.told("/v1/rollouts"))["data"][0]["published_by"] == published["published_by"]


async def key_named(api: Api, kind: Any) -> str:
    return (await api.runtime.keys.recognise(api.keys[kind])).name


async def test_nobody_is_named_for_what_the_command_line_did(web: Api) -> None:
    starter = await web.told("/v1/models/1")
    assert (starter["created_by"], starter["published_by"]) == (None, None)


# --- Publishing what was compared -----------------------------------------------------------------------------------


async def publish(api: Api, version: int, compared_with: Any) -> Response:
    return await api.do(f"/v1/models/{version}/publish", {"notify": "none", "compared_with": compared_with})


async def test_a_version_is_published_if_what_it_was_compared_with_is_still_active(api: Api) -> None:
    await api.draft(small_model())
    assert (await publish(api, 2, 1)).status_code == 202


async def test_a_version_is_not_published_if_another_became_active_meanwhile(api: Api) -> None:
    for name in ("one", "other"):
        await api.draft(small_model(name=name))
    await api.publish(2)
    detail = assert_problem(await publish(api, 3, 1), 409, "model-changed")["detail"]
    assert detail == "Version 1 is not the active one: version 2 is. Compare with that, then publish."
    assert (await api.told("/v1/models/active"))["version"] == 2
    assert (await publish(api, 3, 2)).status_code == 202


async def test_publishing_can_be_repeated_after_a_lost_answer(web: Api) -> None:
    await web.draft(small_model())
    answers = [await publish(web, 2, 1) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_only_a_version_can_be_compared_with(web: Api) -> None:
    for wrong in (0, "active", 1.5, 2**31):
        assert_problem(await publish(web, 1, wrong), 422, "validation-error")
