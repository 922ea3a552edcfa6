"""The pages of models: writing, checking, drafting, previewing and publishing, also without script."""

import re
from typing import Any

import pytest

from tests.api.harness import Api
from tests.screen.harness import Browser, values

TEXT = """# a comment that stays
name: tiny
signals: {liked: {on: Liked}}
scores: {engagement: {rules: {likes: {signal: liked, points: 5}}}}
stages: [{name: interest}, {name: fan, when: {score: engagement, gte: 10}}]
examples:
  - {name: two likes make a fan, given: [{event: Liked}, {event: Liked}], expect: {stage: fan}}
"""
MISSPELT = TEXT.replace("signal: liked", "signal: likd")
FAILING = TEXT.replace("expect: {stage: fan}", "expect: {stage: interest}")


async def drafted(admin: Browser, text: str = TEXT, note: str = "Fans count") -> str:
    """The page of a draft that was kept in the editor."""
    answer = await admin.post("/ui/model/drafts", text=text.replace("\n", "\r\n"), note=note)
    assert answer.status_code == 303, answer.text
    return f"/ui/model/{answer.headers['location']}"


async def test_the_editor_begins_with_the_active_text(api: Api, browser: Browser) -> None:
    page = await browser.page("/ui/model/edit")
    text = await api.client.get("/v1/models/active", headers=api.bearer("read") | {"Accept": "application/yaml"})
    assert "All 29 examples hold" in page
    assert text.text.splitlines()[10] in page
    assert "Keep as draft" not in page


async def test_a_check_says_what_the_api_says(api: Api, browser: Browser) -> None:
    page = (await browser.post("/ui/model/check", text=MISSPELT)).text
    answer = await api.client.post("/v1/models/check", headers=api.bearer("read"), content=MISSPELT.encode())
    [fault] = answer.json()["faults"]
    assert values(page, "data-at") == [f"{fault['line']}:{fault['column']}"]
    assert fault["path"] in page
    assert "# a comment that stays" in page


async def test_the_editor_s_script_gets_the_results_alone(browser: Browser) -> None:
    headers = {"Origin": browser.origin, "HX-Request": "true"}
    part = (await browser.client.post("/ui/model/check", data={"text": FAILING}, headers=headers)).text
    assert "<html" not in part
    assert "Fails: two likes make a fan" in part


async def test_a_draft_keeps_its_text_note_and_author(api: Api, admin: Browser) -> None:
    path = await drafted(admin)
    page = await admin.page(path)
    version = (await api.told(path.replace("/ui/model/", "/v1/models/")))["version"]
    text = await api.client.get(f"/v1/models/{version}", headers=api.bearer("read") | {"Accept": "application/yaml"})
    assert text.text == TEXT
    assert "Fans count" in page
    assert re.search(r"drafted .* by .*admin-", page, re.DOTALL)
    assert "What is different" in page


async def test_a_draft_with_faults_loses_nothing_that_was_written(admin: Browser) -> None:
    answer = await admin.post("/ui/model/drafts", text=MISSPELT, note="Fans count")
    assert answer.status_code == 422
    assert "# a comment that stays" in answer.text
    assert values(answer.text, "value").count("Fans count") == 1


async def test_a_preview_counts_as_the_api_does(demo: Api) -> None:
    admin = await Browser.signed_in(demo, "admin")
    path = await drafted(admin)
    part = (await admin.get(f"{path}/preview", HX_Request="true")).text
    preview = (await demo.do(f"{path.replace('/ui/model/', '/v1/models/')}/preview", {})).json()
    assert "<html" not in part
    assert f"{preview['notifications']:,} leads move" in part
    assert f"all {preview['leads']:,} leads" in part
    changed = {
        name for name, count in preview["stages"]["after"].items() if count != preview["stages"]["before"].get(name)
    }
    assert changed
    for name in changed:
        assert f'<td class="num strong">{preview["stages"]["after"][name]:,}</td>' in part


async def test_a_text_is_previewed_as_a_job_without_being_stored(demo: Api) -> None:
    admin = await Browser.signed_in(demo, "admin")
    started = await admin.post("/ui/model/previews", text=TEXT)
    path = f"/ui/model/{started.headers['location']}"
    assert "Waiting for a worker" in await admin.page(path)
    job = await demo.runtime.jobs.claim(demo.runtime.id)
    assert job is not None
    preview = (await demo.do(f"/v1/models/{await demo.draft(job.request['model'])}/preview", {})).json()
    await demo.runtime.jobs.finish(job, preview)
    page = await admin.page(path)
    assert f"{preview['notifications']:,} leads move" in page
    move = next(each for each in preview["moves"] if each["from_stage"] != each["to_stage"])
    leads = await admin.page(f"{path}?moved={move['from_stage']}:{move['to_stage']}")
    assert [lead_id for lead_id in move["lead_ids"] if f"leads/{lead_id}" not in leads] == []


async def test_publishing_makes_the_version_active_and_shows_its_rollout(api: Api, admin: Browser) -> None:
    path = await drafted(admin)
    compared = values(await admin.page(path), "value")[0]
    answer = await admin.post(f"{path}/publish", compared_with=compared, notify="none")
    assert answer.status_code == 303
    rollout = (await api.told("/v1/rollouts"))["data"][0]
    assert answer.headers["location"] == f"../rollouts/{rollout['id']}"
    page = await admin.page(f"/ui/model/rollouts/{rollout['id']}")
    assert f"{rollout['done']:,} of {rollout['total']:,}" in page
    assert (await api.told("/v1/models/active"))["name"] == "tiny"


async def test_what_was_compared_with_another_version_is_not_published(api: Api, admin: Browser) -> None:
    path, other = await drafted(admin), await drafted(admin, FAILING.replace("stage: interest}}", "stage: fan}}"))
    compared = values(await admin.page(path), "value")[0]
    assert (await admin.post(f"{other}/publish", compared_with=compared, notify="none")).status_code == 303
    answer = await admin.post(f"{path}/publish", compared_with=compared, notify="none")
    assert answer.status_code == 409
    assert "Compare with that" in answer.text


async def test_a_version_whose_examples_fail_can_t_be_published(admin: Browser) -> None:
    page = await admin.page(await drafted(admin, FAILING))
    assert "can’t be published" in page
    assert "/publish" not in page


@pytest.mark.parametrize(("path", "fields"), [("drafts", {"text": TEXT}), ("1/publish", {"compared_with": "1"})])
async def test_a_reader_changes_nothing(browser: Browser, path: str, fields: dict[str, Any]) -> None:
    assert (await browser.post(f"/ui/model/{path}", **fields)).status_code == 403


async def test_hostile_names_are_escaped(admin: Browser) -> None:
    hostile = TEXT.replace("two likes make a fan", "<img src=x onerror=alert(1)>").replace(
        "# a comment", "# </textarea><img>"
    )
    page = await admin.page(await drafted(admin, hostile, note="<img src=y>"))
    edit = (await admin.post("/ui/model/check", text=hostile)).text
    for shown in (page, edit, await admin.page("/ui/model")):
        assert "<img" not in shown


async def test_versions_are_those_of_the_api(api: Api, admin: Browser) -> None:
    await drafted(admin)
    page = await admin.page("/ui/model")
    for version in (await api.told("/v1/models"))["data"]:
        assert f'href="./model/{version["version"]}"' in page
        assert f'class="state {version["state"]}"' in page


async def test_the_schema_is_for_those_who_are_signed_in(api: Api, browser: Browser) -> None:
    assert (await browser.get("/ui/model/schema")).json() == await api.told("/v1/models/schema")
    assert (await Browser(api).get("/ui/model/schema")).status_code == 303
