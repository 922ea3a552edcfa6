"""First touch: the channel, the referrer and the UTM parameters of a visit."""

from typing import Any

import pytest

from app.scoring.sources import CHANNELS, CLICK_IDS, MAX_LENGTH, first_touch

HERE = "https://acme.example/pricing"


def visit(query: str = "", referrer: str | None = None, **page: Any) -> dict[str, Any]:
    touch = first_touch({"page": {"url": HERE + query, "referrer": referrer, **page}}, {})
    assert touch is not None
    return touch


@pytest.mark.parametrize(
    ("query", "referrer", "channel"),
    [
        ("", None, "direct"),
        ("", "https://acme.example/blog", "direct"),
        ("", "https://www.acme.example/blog", "direct"),
        ("", "https://www.google.com/", "organic_search"),
        ("", "https://www.google.co.uk/search?q=x", "organic_search"),
        ("", "https://t.co/abc", "organic_social"),
        ("", "https://mail.google.com/mail", "email"),
        ("", "https://blog.partner.example/post", "referral"),
        ("", "http://localhost:3000/", "referral"),
        ("", "no address", "direct"),
        ("", "google.com", "organic_search"),
        ("", "www.Google.com/search?q=https://x.example", "organic_search"),
        ("", "blog.partner.com:8080/post", "referral"),
        ("", "acme.example/blog", "direct"),
        ("", "index.html", "direct"),
        ("", "/pricing.html", "direct"),
        ("?utm_source=(direct)&utm_medium=(none)", "https://www.google.com/", "organic_search"),
        ("", "http://[::1", "direct"),
        ("?gclid=1", "https://www.google.com/", "paid_search"),
        ("?li_fat_id=1", None, "paid_social"),
        ("?fbclid=1", None, "organic_social"),
        ("?gclid=", None, "direct"),
        ("?utm_source=google&utm_medium=cpc", None, "paid_search"),
        ("?utm_source=facebook&utm_medium=cpc", None, "paid_social"),
        ("?utm_source=x&utm_medium=paid_social", None, "paid_social"),
        ("?utm_source=x&utm_medium=cpm", None, "display"),
        ("?utm_source=crm&utm_medium=email", None, "email"),
        ("?utm_source=newsletter", None, "email"),
        ("?utm_source=x&utm_medium=affiliate", None, "affiliate"),
        ("?utm_source=x&utm_medium=social", None, "organic_social"),
        ("?utm_source=x&utm_medium=referral", None, "referral"),
        ("?utm_source=google", None, "organic_search"),
        ("?utm_source=bing.com&utm_medium=organic", None, "organic_search"),
        ("?utm_source=google&gclid=1", None, "paid_search"),
        ("?utm_source=crm&utm_medium=email&gclid=1", None, "email"),
        ("?utm_source=poster&utm_medium=qr", None, "other"),
        ("?utm_campaign=spring", None, "other"),
        ("?UTM_Source=Google&utm_medium=CPC", None, "paid_search"),
    ],
)
def test_parameters_click_ids_and_referrer_determine_the_channel(
    query: str, referrer: str | None, channel: str
) -> None:
    assert channel in CHANNELS
    assert visit(query, referrer)["channel"] == channel


@pytest.mark.parametrize(
    ("query", "channel"),
    [
        ("?utm_source=fb&utm_medium=paid&fbclid=x", "paid_social"),
        ("?utm_source=ig&utm_medium=paid", "paid_social"),
        ("?utm_source=Facebook_Mobile_Feed&utm_medium=paid", "paid_social"),
        ("?utm_source=Instagram_Stories&utm_medium=paid", "paid_social"),
        ("?utm_source=Facebook%20/%20Instagram&utm_medium=cpc", "paid_social"),
        ("?utm_source=fb_reels&utm_medium=cpc", "paid_social"),
        ("?utm_source=google_display_network&utm_medium=cpc", "paid_search"),
        ("?utm_source=an_email_blast&utm_medium=cpc", "paid_search"),
        ("?utm_source=spring&utm_medium=social_paid", "paid_social"),
        ("?utm_source=spring&utm_medium=social-ads", "paid_social"),
        ("?utm_source=spring&utm_medium=paid_display", "display"),
        ("?utm_source=spring&utm_medium=organic_social", "organic_social"),
        ("?utm_source=spring&utm_medium=Social%20Post", "organic_social"),
        ("?utm_source=spring&utm_medium=organic%20search", "organic_search"),
        ("?utm_source=google&utm_medium=search_organic", "organic_search"),
        ("?utm_source=spring&utm_medium=email-campaign", "email"),
        ("?utm_source=spring&utm_medium=direct_mail", "other"),
        ("?utm_source=spring&utm_medium=unpaid", "other"),
        ("?utm_source=spring&utm_medium=email?fbclid=1", "email"),
        ("?utm_source=spring?utm_medium=email", "email"),
        ("?utm_source=(direct)&utm_medium=(none)", "direct"),
        ("?utm_source=(direct)&utm_medium=(none)&utm_campaign=(not%20set)&gclid=1", "paid_search"),
        ("?utm_source=google&utm_medium=(none)", "organic_search"),
        ("?utm_source=an&utm_medium=cpc", "paid_social"),
        ("?utm_source=msg&utm_medium=Paid", "paid_social"),
        ("?utm_source=tiktok&utm_medium=paid", "paid_social"),
        ("?utm_source=x&utm_medium=ppc", "paid_social"),
        ("?utm_source=LinkedIn&utm_medium=cpc", "paid_social"),
        ("?utm_source=Facebook_Ads&utm_medium=cpc", "paid_social"),
        ("?utm_source=l.facebook.com&utm_medium=cpc", "paid_social"),
        ("?utm_source=spring&utm_medium=cpc&ttclid=1", "paid_social"),
        ("?utm_source=spring&utm_medium=cpc&fbclid=1", "paid_social"),
        ("?utm_source=google-ads&utm_medium=paid", "paid_search"),
        ("?utm_source=yahoo&utm_medium=paid", "paid_search"),
        ("?utm_source=google&utm_medium=paid&fbclid=x", "paid_search"),
        ("?utm_source=taboola&utm_medium=cpc", "display"),
        ("?utm_source=ig", "organic_social"),
        ("?utm_source=threads", "organic_social"),
        ("?utm_source=chatgpt.com", "ai_assistant"),
        ("?utm_source=Perplexity", "ai_assistant"),
        ("?utm_source=copilot&utm_medium=organic", "ai_assistant"),
        ("?utm_medium=email%20", "email"),
        ("?utm_medium=E%E2%80%91Mail", "email"),
        ("?utm_medium=%E2%80%8Be+mail", "email"),
        ("?utm_medium=E_MAIL", "email"),
        ("?utm_medium=%20Social%C2%A0Media", "organic_social"),
        ("?utm_source=Newsletter%20", "email"),
        ("?utm_source=newsletter&utm_medium=banner", "display"),
        ("?utm_source=google%20", "organic_search"),
        ("?utm_source=spring&amp;utm_medium=email", "email"),
        ("?utm_source=spring&#38;utm_medium=email", "email"),
        ("?utm_source=spring&#x26;utm_medium=email", "email"),
        ("?utm_source=spring&AMP;amp;utm_medium=email", "email"),
        ("?utm_source=spring&amp%3Butm_medium=email", "email"),
        ("?utm_source=spring;utm_medium=email", "email"),
        ("#utm_source=spring&utm_medium=email", "email"),
        ("#/pricing?utm_source=spring&utm_medium=email", "email"),
        ("?a=1#!/pricing?utm_medium=email&amp;utm_source=spring", "email"),
        ("#section", "direct"),
    ],
)
def test_campaign_parameters_are_read_in_the_forms_that_platforms_and_people_write(query: str, channel: str) -> None:
    assert visit(query)["channel"] == channel


@pytest.mark.parametrize(
    ("parameter", "channel"),
    [
        ("mkt_tok", "email"),
        ("_hsenc", "email"),
        ("_hsmi", "email"),
        ("epik", "paid_social"),
        ("ScCid", "paid_social"),
        ("QCLID", "paid_social"),
        ("gad_source", "paid_search"),
        ("GCLID", "paid_search"),
        ("dicbo", "display"),
        ("obOrigUrl", "display"),
        ("tblci", "display"),
        ("cjevent", "affiliate"),
        ("ysclid", "organic_search"),
        ("igshid", "organic_social"),
    ],
)
def test_a_click_id_determines_the_channel_in_any_case(parameter: str, channel: str) -> None:
    assert parameter.lower() in CLICK_IDS
    assert visit(f"?{parameter}=1")["channel"] == channel
    assert visit(f"?{parameter}=")["channel"] == "direct"


def test_utm_parameters_are_kept_without_blanks_at_their_ends() -> None:
    query = "?utm_source=%20Spring%20Fair%C2%A0&utm_medium=%E2%80%8B&utm_term=+"
    assert visit(query)["utm"] == {"source": "Spring Fair"}
    campaign = {"source": " crm ", "medium": "e\u2011mail\ufeff", "name": " "}
    touch = first_touch({"campaign": campaign}, {})
    assert touch == {"channel": "email", "referrer": None, "utm": {"source": "crm", "medium": "e\u2011mail"}}


def test_parameters_of_the_url_and_of_the_search_are_combined() -> None:
    page = {"url": f"{HERE}?utm_source=spring&#38;utm_medium=email", "search": "?utm_source=spring&"}
    touch = first_touch({"page": page}, {})
    assert touch is not None
    assert touch["utm"] == {"source": "spring", "medium": "email"}


@pytest.mark.parametrize(
    ("query", "referrer", "channel"),
    [
        ("?utm_campaign=spring", "https://www.google.com/", "organic_search"),
        ("?utm_campaign=spring", "https://m.facebook.com/", "organic_social"),
        ("?utm_campaign=spring", "https://blog.partner.example/", "other"),
        ("?utm_source=poster", "https://www.google.com/", "other"),
        ("?utm_medium=cpc", "https://l.instagram.com/", "paid_social"),
    ],
)
def test_the_referrer_is_the_source_of_a_campaign_that_names_none(query: str, referrer: str, channel: str) -> None:
    assert visit(query, referrer)["channel"] == channel


def test_the_utm_parameters_are_kept_as_written() -> None:
    query = "?utm_source=LinkedIn&utm_medium=social&utm_campaign=Spring&utm_term=a+b&utm_content=c&x=y"
    expected = {"source": "LinkedIn", "medium": "social", "campaign": "Spring", "term": "a b", "content": "c"}
    assert visit(query)["utm"] == expected


def test_the_search_of_the_page_is_used_if_its_url_has_none() -> None:
    assert visit(search="?utm_source=crm&utm_medium=email")["utm"] == {"source": "crm", "medium": "email"}


def test_the_campaign_of_the_context_wins_over_the_url() -> None:
    campaign = {"name": "spring", "source": "crm", "medium": "email", "term": 5, "id": "x"}
    touch = first_touch({"page": {"url": HERE + "?utm_source=other"}, "campaign": campaign}, {})
    assert touch == {
        "channel": "email",
        "referrer": None,
        "utm": {"campaign": "spring", "source": "crm", "medium": "email"},
    }


def test_a_page_on_the_same_host_is_not_a_referrer() -> None:
    assert visit(referrer="https://acme.example/")["referrer"] is None
    assert visit(referrer="https://other.example/")["referrer"] == "https://other.example/"


def test_a_nul_in_a_parameter_is_replaced_by_a_character_that_can_be_stored() -> None:
    touch = first_touch({"page": {"url": HERE + "?utm_source=a%00b"}}, {})
    assert touch
    assert touch["utm"] == {"source": "a\ufffdb"}


@pytest.mark.parametrize("referrer", ["$direct", "about:blank", "https://"])
def test_a_referrer_without_a_host_is_ignored(referrer: str) -> None:
    touch = first_touch({"page": {"url": HERE, "referrer": referrer}}, {})
    assert touch
    assert (touch["channel"], touch["referrer"]) == ("direct", None)


def test_very_long_values_are_truncated() -> None:
    touch = visit(f"?utm_source={'s' * 2_000}", f"https://other.example/{'r' * 2_000}")
    assert len(touch["utm"]["source"]) == len(touch["referrer"]) == MAX_LENGTH


def test_a_url_with_too_many_parameters_is_ignored() -> None:
    flood = "&".join(f"a{number}=1" for number in range(200))
    assert visit(f"?{flood}&utm_source=crm&utm_medium=email") == {"channel": "direct", "referrer": None, "utm": {}}


@pytest.mark.parametrize("context", [{}, {"page": {}}, {"page": "text", "campaign": 3}, {"page": None}])
def test_an_event_that_does_not_come_from_a_page_has_no_source(context: dict[str, Any]) -> None:
    assert first_touch(context, {}) is None


def test_the_properties_of_a_page_call_complete_the_context() -> None:
    properties = {"url": HERE, "referrer": "https://www.google.com/", "search": ""}
    touch = first_touch({}, properties)
    assert touch is not None
    assert touch["channel"] == "organic_search"
