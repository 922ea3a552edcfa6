"""The list of leads: the numbers are the API's, the links work anywhere, and no text gets out of its place."""

import csv
import re
from io import StringIO
from typing import Any

import pytest

from app.screen.formats import points, score
from tests.api.harness import Api
from tests.screen.harness import Browser, tags, values
from tests.screen.people import HOSTILE, send_people

TEXT = re.compile(r"<[^>]*>")


def text_of(markup: str) -> str:
    return TEXT.sub("", markup)


async def ask_question(api: Api, page: str) -> Any:
    """What the page's own curl command is answered with, with a read key."""
    [path] = values(page, "data-copy-curl")
    return await api.told("/" + path.lstrip("./"))


@pytest.mark.parametrize("query", ["", "sort=engagement", "sort=fit&min_score=engagement:20", "stage=mql", "limit=2"])
async def test_the_page_has_the_numbers_of_its_question(api: Api, browser: Browser, query: str) -> None:
    await send_people(api)
    page = await browser.page(f"/ui/leads?{query}")
    document = await ask_question(api, page)
    assert document["data"]
    assert [row[-36:] for row in rows(page)] == [lead["id"] for lead in document["data"]]
    for lead in document["data"]:
        shown = text_of(page.partition(lead["id"])[2].partition("</tr>")[0])
        numbers = [score(each["value"]) for each in lead["scores"].values()]
        by = "fit" if "sort=fit" in query else "engagement"
        numbers += [points(reason["points"], 1) for reason in lead["reasons"][by]]
        assert [number for number in numbers if number not in shown] == []


def rows(page: str) -> list[str]:
    return [path for path in values(page, "href") if re.fullmatch(r"\./leads/[\w-]{36}", path)]


async def test_views_and_stages_have_the_counts_of_the_api(api: Api, browser: Browser) -> None:
    await send_people(api)
    part = await browser.page("/ui/leads/counts?min_score=engagement:20&stage=mql")
    counted = (await api.told("/v1/leads/counts?min_score=engagement:20"))["stages"]
    assert re.findall(r'class="v">([\d,+]+)<', part) == [str(count["value"]) for count in counted.values()]
    views = [attributes["href"] for _, attributes in tags(part.partition("</nav>")[0]) if "href" in attributes]
    for path, shown in zip(views, re.findall(r'class="num">([\d,+]+)<', part), strict=True):
        query = re.sub(r"&?sort=\w+", "", str(path).partition("?")[2])
        assert shown == str((await api.told(f"/v1/leads/counts?{query}"))["total"]["value"])
    assert "<html" not in part


async def test_more_leads_to_the_rest_and_the_first_page_stays_reachable(api: Api, browser: Browser) -> None:
    await send_people(api)
    every = rows(await browser.page("/ui/leads"))
    found, path = [], "leads?limit=4"
    while path:
        page = await browser.page(f"/ui/{path}")
        found += rows(page)
        more = re.search(r'href="\./(leads\?[^"]*cursor=[^"]*)"', page)
        path = more[1].replace("&amp;", "&") if more else ""
    assert found == every
    assert ">First<" in page


async def test_the_sorted_column_says_so(api: Api, browser: Browser) -> None:
    await send_people(api)
    for sort, expected in (("last_seen_at", "descending"), ("fit", "descending"), ("next_change", "ascending")):
        page = await browser.page(f"/ui/leads?sort={sort}")
        assert values(page, "aria-sort") == [expected]


async def test_each_filter_is_a_pill_that_takes_it_away(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = await browser.page("/ui/leads?stage=mql&stage=sql&min_score=engagement:20&q=buyer&sort=fit")
    pills = [attributes["href"] for _, attributes in tags(page) if attributes.get("class") == "pill on"]
    assert pills == [
        "./leads?min_score=engagement%3A20&q=buyer&sort=fit",
        "./leads?stage=mql&stage=sql&q=buyer&sort=fit",
        "./leads?stage=mql&stage=sql&min_score=engagement%3A20&sort=fit",
    ]


async def test_every_view_is_a_list_of_the_api(api: Api, browser: Browser) -> None:
    await send_people(api)
    views = re.findall(r'<nav class="views".*?</nav>', await browser.page("/ui/leads"))[0]
    paths = values(views, "href")
    assert len(paths) == 5
    for path in paths:
        page = await browser.page(f"/ui/{path[2:]}")
        assert len(re.findall(r'aria-current="page"', page.partition('class="views"')[2].partition("</nav>")[0])) == 1
        assert [each["id"] for each in (await ask_question(api, page))["data"]] == [row[-36:] for row in rows(page)]


async def test_empty_fields_of_a_form_are_left_out_of_the_url(browser: Browser) -> None:
    answer = await browser.get("/ui/leads?min_score=&seen_after=&q=+&sort=fit")
    assert (answer.status_code, answer.headers["location"]) == (303, "?sort=fit")


@pytest.mark.parametrize(
    ("query", "pills"),
    [
        ("seen_after=x&seen_after=2026-01-02", ["Seen since 2 Jan"]),
        ("sales_ready=false&sales_ready=1", ["For sales"]),
        ("min_score=fit:5&min_score=engagement:3", ["Fit at least 5", "Engagement at least 3"]),
    ],
)
async def test_the_last_value_counts_unless_there_may_be_several(
    api: Api, browser: Browser, query: str, pills: list[str]
) -> None:
    await send_people(api)
    page = await browser.page(f"/ui/leads?{query}")
    found = re.findall(r'class="pill on".*?</a>', page)
    assert [text_of(pill).removeprefix('class="pill on"').partition("Without ")[2].strip() for pill in found] == pills
    assert [lead["id"] for lead in (await ask_question(api, page))["data"]] == [row[-36:] for row in rows(page)]


async def test_leads_that_are_out_are_not_new(browser: Browser) -> None:
    [new] = [path for path in values(await browser.page("/ui/leads"), "href") if "stage_since_after" in path]
    assert "stage=sql" in new
    assert "stage=disqualified" not in new


async def test_without_leads_the_page_says_how_to_send_one(browser: Browser) -> None:
    assert "curl -s $URL/v1/page" in await browser.page("/ui/leads")


async def test_where_nothing_matches_each_filter_can_be_taken_away(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = await browser.page("/ui/leads?q=nobody")
    assert "No lead matches" in page
    assert page.count("Without ") == 2


@pytest.mark.parametrize("query", ["stage=nowhere", "sort=nothing", "cursor=x", "limit=x", "min_score=fit", "q=%40"])
async def test_a_wrong_parameter_is_named(browser: Browser, query: str) -> None:
    answer = await browser.get(f"/ui/leads?{query}")
    assert answer.status_code in {400, 422}
    assert query.partition("=")[0] in text_of(answer.text)


async def test_hostile_texts_stay_texts(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = await browser.page("/ui/leads?q=h")
    plain = await browser.page("/ui/leads?q=b1")
    assert {tag for tag, _ in tags(page)} == {tag for tag, _ in tags(plain)}
    assert {name for _, attributes in tags(page) for name in attributes} <= {
        name for _, attributes in tags(plain) for name in attributes
    }
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "x" * 201 not in page


async def test_a_table_to_download_has_no_formulas(api: Api, browser: Browser) -> None:
    await send_people(api)
    answer = await browser.get("/ui/leads.csv?sort=engagement")
    assert answer.headers["content-disposition"] == 'attachment; filename="leads.csv"'
    lines = list(csv.reader(StringIO(answer.text)))
    assert len(lines) == 1 + 2 + len(HOSTILE)
    assert [cell for line in lines for cell in line if re.match(r"[=+@\t\r]|-(?![\d.]+$)", cell)] == []


async def test_all_links_are_relative(api: Api, browser: Browser) -> None:
    await send_people(api)
    page = await browser.page("/ui/leads")
    links = [link for name in ("href", "src", "action", "hx-get") for link in values(page, name)]
    assert len(links) > 30
    assert [link for link in links if link.startswith("/") or re.match(r"\w+:(?!,$)", link)] == []


def resolved(path: str, link: str) -> str:
    """A relative link on a page of this path, as browsers resolve it: an empty segment counts."""
    segments = path.split("/")[:-1]
    for step in link.removeprefix("./").split("/"):
        segments = segments[:-1] if step == ".." else [*segments, step]
    return "/".join(segments)


@pytest.mark.parametrize("path", ["/ui/leads", "/ui//leads", "/ui/no/page", "/ui/no//page//"])
async def test_links_lead_home_also_from_doubled_slashes(browser: Browser, path: str) -> None:
    page = (await browser.get(path)).text
    [style] = [link for link in values(page, "href") if link.endswith("screen.css")]
    assert (await browser.get(resolved(path, style))).status_code == 200


@pytest.mark.parametrize(
    ("holder", "root"),
    [
        ("/ui/leads", "./"),
        ("/below/this/ui/leads?back=/ui/model/2#a/b", "./"),
        ("/ui/insight/jobs/1", "../../"),
        ("/ui/ui//leads", "../"),
    ],
)
async def test_links_of_a_part_are_relative_to_the_page_that_holds_it(browser: Browser, holder: str, root: str) -> None:
    asked = {"HX_Request": "true", "HX_Current_URL": f"{browser.origin}{holder}"}
    part = await browser.get("/ui/leads/counts", **asked)
    links = values(part.text, "href")
    assert links
    assert all(link.startswith(f"{root}leads") for link in links if not link.startswith("#"))
    problem = await browser.get("/ui/leads/counts?stagee=mql", **asked)
    assert values(problem.text, "hx-get") == [f"{root}leads/counts?stagee=mql"]
