"""What an email address tells of who wrote it."""

import pytest

from app.scoring.emails import derived_traits


@pytest.mark.parametrize(
    ("email", "domain", "kind"),
    [
        ("ada@acme.example", "acme.example", "work"),
        ("  Ada@ACME.Example ", "acme.example", "work"),
        ("ada@gmail.com", "gmail.com", "free"),
        ("ada@mailinator.com", "mailinator.com", "disposable"),
        ("info@acme.example", "acme.example", "role"),
        ("No-Reply@acme.example", "acme.example", "role"),
        ("information@acme.example", "acme.example", "work"),
        ('"odd@name"@acme.example', "acme.example", "work"),
    ],
)
def test_an_address_tells_its_domain_and_its_kind(email: str, domain: str, kind: str) -> None:
    assert derived_traits(email) == {"email_domain": domain, "email_kind": kind}


def test_a_function_at_a_free_or_throw_away_mailbox_is_no_role_in_a_company() -> None:
    kinds = [derived_traits(f"sales@{domain}")["email_kind"] for domain in ("gmail.com", "mailinator.com")]
    assert kinds == ["free", "disposable"]


@pytest.mark.parametrize("text", ["", "ada", "@acme.example", "ada@", "@", "  @  "])
def test_what_is_no_address_tells_nothing(text: str) -> None:
    assert derived_traits(text) == {}
