"""Plain HTML forms: turning a form's fields into a message.

`form_bodies` and `form_documents` read the fields from a body; `form_names` knows the usual names of fields.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.protocol.form_bodies import Fields
from app.protocol.form_names import MAX_NAME_LENGTH, contact_of, is_card_number, is_kept, is_senders, trait_of
from app.protocol.times import readable_time
from app.scoring.emails import canonical_email
from app.scoring.events import MAX_TRAIT_LENGTH
from app.scoring.phones import canonical_phone, is_like_phone
from app.scoring.strings import comparable, trimmed, with_ascii_digits

DEFAULT_EVENT = "Form Submitted"

Answer = str | list[str]

MAX_CONTACT_LENGTH = 200

_CONTACTS = ("email", "phone")
_MESSAGE_FIELDS = ("event", "userId", "anonymousId", "messageId")
_HONEYPOTS = frozenset({"_gotcha", "_honey", "_honeypot", "bot-field", "honeypot"})
_CONTROL = frozenset({*_MESSAGE_FIELDS, "writeKey", "_next", "_opened_at", "altcha"}) | _HONEYPOTS
_PROPERTY = re.compile(r"properties\[([^\[\]]+)\]")
_ELEMENT = re.compile(r"(.+)\[\d*\]", re.DOTALL)
_SWITCHES = frozenset({"", "0", "1", "on", "off", "true", "false", "yes", "no"})
# As browsers check `<input type="email">`, except that a domain needs a dot and may be in any script.
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@(?:[\w-]+\.)+[\w-]{2,}")
# For fields of unknown meaning, which may also hold a date or an order number.
_UNMISTAKABLE_NUMBER = re.compile(
    r"(?:tel:|whatsapp:)?(?:\+|00|0(?=\d*[1-9])|\()(?!\d\.\d)[\d\s()./-]{6,}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FormPost:
    """The content of a form post. `message` is for `read_message(…, type="form")`; a `context` may be added first.

    Fields that control the response are separate: `next_url` is unchecked, and a filled honeypot means a bot.
    `opened_at` is by the visitor's clock, and None if it can't be read. `proof` is an unchecked proof of work.
    `unusable_contacts`: `email`, `phone` or both, if the form asks for them and no usable one was filled in.
    """

    message: dict[str, Any]
    next_url: str | None
    honeypot_filled: bool
    opened_at: datetime | None
    proof: str | None
    unusable_contacts: tuple[str, ...]


def is_mappable(name: str) -> bool:
    """Whether a key may map a field with this name to a trait."""
    return name not in _CONTROL and is_kept(name)


def form_write_key(fields: Fields) -> str | None:
    """The `writeKey` field, the last one if there are several; None if there is none."""
    return next((value for name, value in reversed(fields) if name == "writeKey"), None) or None


def read_form(
    form_name: str,
    fields: Fields,
    traits_by_name: Mapping[str, str] | None = None,
    *,
    phone_region: str | None = None,
) -> FormPost:
    """Turn a form post into a message.

    Every field without another meaning becomes a property and a trait. A blank one becomes only a property, since a
    skipped optional field must not erase a known trait; so does a text that is too long for a trait. Of a repeated
    control field, the last counts.
    `traits_by_name` is the key's mapping of field names to traits, which overrides their usual meaning.
    """
    control = {name: value for name, value in fields if name in _CONTROL}
    answers = _read_answers((name, value) for name, value in fields if name and name not in _CONTROL)
    named = {match[1]: answers.pop(name) for name in list(answers) if (match := _PROPERTY.fullmatch(name))}
    mapped = _find_mapped(answers, traits_by_name or {})
    traits = _read_traits(answers, mapped, phone_region)
    names_somebody = any((control.get(name) or "").strip() for name in ("userId", "anonymousId"))
    message: dict[str, Any] = {name: control.get(name) for name in _MESSAGE_FIELDS}
    message["event"] = (control.get("event") or "").strip() or DEFAULT_EVENT
    message["properties"] = {**answers, **named, "form": form_name}
    message["traits"] = traits
    return FormPost(
        message=message,
        next_url=trimmed(control.get("_next") or "") or None,
        honeypot_filled=any(value for name, value in fields if name in _HONEYPOTS),
        opened_at=readable_time(control.get("_opened_at")),
        proof=control.get("altcha"),
        unusable_contacts=() if names_somebody else _unusable_contacts(traits, answers, mapped),
    )


def _read_answers(fields: Iterable[tuple[str, str]]) -> dict[str, Answer]:
    """The answers by field name: `topic[]` and `topic[0]` are elements of the list `topic`."""
    values: dict[str, list[str]] = {}
    lists: set[str] = set()
    for full_name, value in fields:
        element = _ELEMENT.fullmatch(full_name)
        name = element[1] if element else full_name
        if is_kept(name) and not is_card_number(value, name):
            values.setdefault(name, []).append(value)
            lists.update([name] if element else [])
    return {name: _read_list(texts) if name in lists else _read_repeated(texts) for name, texts in values.items()}


def _find_mapped(answers: Iterable[str], traits_by_name: Mapping[str, str]) -> dict[str, str]:
    """The traits that the key maps fields to, by the fields' names as this form spells them."""
    traits = {comparable(name): trait for name, trait in traits_by_name.items()}
    keys = {name: comparable(name) for name in answers if traits and len(name) <= MAX_NAME_LENGTH}
    return {name: traits[key] for name, key in keys.items() if key in traits}


def _read_list(texts: list[str]) -> list[str]:
    return [text for text in texts if text.strip()] or texts[:1]


def _read_repeated(texts: list[str]) -> Answer:
    """The answer of a field that occurs more than once.

    A checkbox comes after a hidden field for its off state, so the last value counts. Equal values, such as an address
    typed twice, count as one. For other fields, blank values are dropped.
    """
    if _SWITCHES.issuperset(text.lower() for text in texts):
        return texts[-1]
    filled = _read_list(texts)
    return filled[0] if len({trimmed(text).casefold() for text in filled}) == 1 else filled


def _read_traits(
    answers: Mapping[str, Answer], mapped: Mapping[str, str], phone_region: str | None
) -> dict[str, Answer]:
    answers = {name: answer for name, answer in answers.items() if _may_be_trait(answer)}
    meanings = {name: mapped.get(name) or _usual_meaning(name, answer) for name, answer in answers.items()}
    for contact in _CONTACTS:
        if not _names_somebody(contact, meanings, answers):
            meanings |= dict.fromkeys(_fields_named_like(contact, answers, mapped), contact)
    if not _names_somebody("email", meanings, answers):
        meanings |= dict.fromkeys(_fields_of_the_only_address(answers), "email")
    if not any(_names_somebody(contact, meanings, answers) for contact in _CONTACTS):
        meanings |= dict.fromkeys(_fields_of_the_only_number(answers, phone_region), "phone")
    # Usable contacts come first, and the key's mapping before usual names.
    order = sorted(answers, key=lambda name: (not _is_usable(meanings[name], answers[name]), name not in mapped))
    traits: dict[str, Answer] = {}
    for name in order:
        traits.setdefault(meanings[name], _read_trait(meanings[name], answers[name]))
    return traits


def _may_be_trait(answer: Answer) -> bool:
    """Whether the answer is filled in and fits into a trait: a message of several pages is only a property."""
    texts = _texts(answer)
    return any(text.strip() for text in texts) and sum(map(len, texts)) <= MAX_TRAIT_LENGTH


def _names_somebody(contact: str, meanings: Mapping[str, str], answers: Mapping[str, Answer]) -> bool:
    return any(trait == contact and _is_usable(trait, answers[name]) for name, trait in meanings.items())


def _fields_named_like(contact: str, answers: Mapping[str, Answer], mapped: Mapping[str, str]) -> list[str]:
    """The first usable field whose name ends as this contact's usual names do, and the fields that repeat its value."""
    likely = {name: answer for name, answer in answers.items() if name not in mapped and contact_of(name) == contact}
    found = {name: texts[0] for name, answer in likely.items() if (texts := _usable_contacts(contact, answer))}
    first = next(iter(found.values()), "")
    return [name for name, text in found.items() if comparable(text) == comparable(first)]


def _usual_meaning(name: str, answer: Answer) -> str:
    """The trait that a field's name implies. A `mobile` that is a checkbox, not a number, keeps its own name."""
    trait = trait_of(name)
    return name if trait is None or (trait == "phone" and not _is_usable(trait, answer)) else trait


def _fields_of_the_only_address(answers: Mapping[str, Answer]) -> list[str]:
    """The fields with the form's only email address, whatever they are called; empty if there are several addresses."""
    usable = {name: _usable_contacts("email", answer) for name, answer in answers.items() if is_senders(name)}
    addresses = {name: [text for text in texts if _ADDRESS.fullmatch(text)] for name, texts in usable.items()}
    distinct = {comparable(text) for texts in addresses.values() for text in texts}
    return [name for name, texts in addresses.items() if texts] if len(distinct) == 1 else []


def _fields_of_the_only_number(answers: Mapping[str, Answer], region: str | None) -> list[str]:
    """The fields with the form's only phone number, whatever they are called; empty if there are several numbers."""
    texts = {name: trimmed(answer) for name, answer in answers.items() if isinstance(answer, str) and is_senders(name)}
    likely = {name: text for name, text in texts.items() if _UNMISTAKABLE_NUMBER.fullmatch(with_ascii_digits(text))}
    found = {name: number for name, text in likely.items() if (number := canonical_phone(text, region))}
    return list(found) if len(set(found.values())) == 1 else []


def _read_trait(trait: str, answer: Answer) -> Answer:
    if trait not in _CONTACTS:
        return answer
    return next(iter(_usable_contacts(trait, answer)), next(text for text in _texts(answer) if text.strip()))


def _is_usable(trait: str, answer: Answer) -> bool:
    return trait not in _CONTACTS or bool(_usable_contacts(trait, answer))


def _usable_contacts(trait: str, answer: Answer) -> list[str]:
    """The email addresses or telephone numbers in an answer."""
    texts = [trimmed(text) for text in _texts(answer) if len(text) <= MAX_CONTACT_LENGTH]
    is_usable = is_like_phone if trait == "phone" else canonical_email
    return [text for text in texts if is_usable(text)]


def _unusable_contacts(
    traits: Mapping[str, Answer], answers: Iterable[str], mapped: Mapping[str, str]
) -> tuple[str, ...]:
    if any(trait in traits and _is_usable(trait, traits[trait]) for trait in _CONTACTS):
        return ()
    asked = {mapped.get(name) or trait_of(name) or contact_of(name) for name in answers}
    return tuple(contact for contact in _CONTACTS if contact in asked)


def _texts(answer: Answer) -> list[str]:
    return answer if isinstance(answer, list) else [answer]
