"""Accounts: the numbers are the API's, and no text gets out of its place."""

import asyncio

from app.screen.formats import score
from app.workers.accounts import count_accounts
from tests.api.harness import Api
from tests.screen.harness import Browser, values
from tests.screen.people import HOSTILE, send_people

GROUPS = [
    {"type": "group", "groupId": f"group {number} {text[:100]}", "userId": f"g{number}", "traits": {"name": text}}
    for number, text in enumerate(HOSTILE)
]


async def fill(api: Api) -> None:
    await send_people(api)
    await api.batch(*GROUPS, key=api.keys["server"])
    await count_accounts(api.runtime, asyncio.Event())


async def test_the_list_and_each_account_have_the_numbers_of_their_questions(api: Api, browser: Browser) -> None:
    await fill(api)
    listed = await browser.page("/ui/accounts?sort=engagement")
    [question] = values(listed, "data-copy-curl")
    accounts = (await api.told("/" + question.lstrip("./")))["data"]
    assert len(accounts) > len(GROUPS) / 2
    for account in accounts:
        row = listed.partition(account["id"])[2].partition("</tr>")[0]
        page = await browser.page(f"/ui/accounts/{account['id']}")
        for each in account["scores"].values():
            assert score(each["highest"]) in row
            assert score(each["sum"]) in row
            assert score(each["sum"]) in page
            assert f"leads/{each['lead_id']}" in page
        leads = (await api.told("/v1/leads", account=account["id"]))["data"]
        assert [lead["id"] for lead in leads if f"leads/{lead['id']}" not in page] == []


async def test_names_are_text_alone(api: Api, browser: Browser) -> None:
    await fill(api)
    paths = [f"/ui/accounts/{account['id']}" for account in (await api.told("/v1/accounts"))["data"]]
    pages = [await browser.page(path) for path in ("/ui/accounts", *paths)]
    assert [page for page in pages if "<script>alert" in page or "<img" in page or "x" * 300 in page] == []


async def test_a_lead_leads_to_its_account_and_back(api: Api, browser: Browser) -> None:
    await fill(api)
    account = (await api.told("/v1/accounts"))["data"][0]
    [lead] = (await api.told("/v1/leads", account=account["id"], limit=1))["data"]
    assert f"../accounts/{account['id']}" in await browser.page(f"/ui/leads/{lead['id']}")
    assert f"leads/{lead['id']}" in await browser.page(f"/ui/leads?account={account['id']}")


async def test_accounts_are_searched_and_filtered(api: Api, browser: Browser) -> None:
    await fill(api)
    assert "No accounts" in await browser.page("/ui/accounts?q=nobody")
    page = await browser.page("/ui/accounts?q=group+0&stage=interest")
    assert len(set(values(page, "data-row"))) <= 1
