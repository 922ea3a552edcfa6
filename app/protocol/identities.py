"""Which values identify a person, and which identities a message has.

A `userId`, `anonymousId` or `previousId` that identifies nobody or is too long rejects its whole message, even beside a
valid identity: it is a bug in the client, and would otherwise merge all visitors into one lead. An invalid email
address or phone number is a person's typing error: it is not an identity, but remains a trait.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.errors import InvalidMessage
from app.protocol.misspellings import fields_by_any_name
from app.protocol.placeholder_ids import means_nobody, reaches_nobody
from app.protocol.values import as_text, is_storable
from app.scoring.emails import canonical_email, canonical_email_alone
from app.scoring.events import IDENTITY_KINDS, Identity, IdentityKind
from app.scoring.phones import canonical_phone
from app.scoring.strings import trimmed

MAX_IDENTITY_LENGTH = 200

_STRENGTH = {kind: rank for rank, kind in enumerate(IDENTITY_KINDS)}
_CONTACTS: tuple[IdentityKind, ...] = ("email", "phone")
"""Kinds of identity that are read from the trait of the same name."""

_KINDS_OF_IDS: Mapping[str, tuple[IdentityKind, ...]] = {
    "userId": ("user_id",),
    "anonymousId": ("anonymous_id",),
    "previousId": ("user_id", "anonymous_id"),  # it doesn't say which
}
_CONTACT_SUFFICES = frozenset({"identify", "form"})


def read_identity(
    kind: IdentityKind, value: Any, field: str | None = None, *, phone_region: str | None = None
) -> Identity | None:
    """The identity with this value; None if there is no value, or if an email or phone number is invalid.

    Numbers become text, and a `user_id` that is an email address becomes canonical. `field` is the name used in errors,
    by default the kind.
    Raises InvalidMessage (`invalid-identity`, `invalid-characters`) for an id that can't identify one person.
    """
    if kind in _CONTACTS:
        text = as_text(value) or ""
        address = canonical_email(text) if kind == "email" else canonical_phone(text, phone_region)
        return Identity(kind, address) if address and not reaches_nobody(address) else None
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    text = _check_id(as_text(value), field or kind)
    address = canonical_email_alone(text) if kind == "user_id" and "@" in text else None
    return Identity(kind, address or text)


def read_identities(
    message: Mapping[str, Any],
    *,
    message_type: str,
    trusted: bool,
    traits: Sequence[Mapping[str, Any]],
    phone_region: str | None = None,
) -> tuple[Identity, ...]:
    """All identities of a message, without duplicates, the strongest kind first; in an alias, the `userId` first.

    `traits` are the message's own and its context's. A `userId` that is an email address also gives that identity.
    Raises InvalidMessage (`invalid-identity`) if an id is unusable, or if the message has no identity of a kind that
    its type requires.
    """
    user = read_identity("user_id", message.get("userId"), "userId")
    anonymous = read_identity("anonymous_id", message.get("anonymousId"), "anonymousId")
    previous = _read_previous(message, trusted=trusted) if message_type == "alias" else ()
    if message_type == "alias" and user is None:
        raise InvalidMessage("invalid-identity", "An alias needs a `userId`: the person's new id.")
    contacts = [
        read_identity(kind, each[kind], phone_region=phone_region)
        for kind in _CONTACTS
        for each in traits
        if kind in each
    ]
    found = [identity for identity in (user, *previous, *contacts, anonymous) if identity is not None]
    if user is None and anonymous is None and not (found and (trusted or message_type in _CONTACT_SUFFICES)):
        raise InvalidMessage("invalid-identity", _nobody(message_type, traits))
    identities = dict.fromkeys((*found, *_addresses(found)))
    return tuple(sorted(identities, key=lambda identity: _STRENGTH[identity.kind]))


def readable_identities(message: Any, *, phone_region: str | None = None) -> list[Identity]:
    """The readable identities in a rejected message, the strongest kind first. Raises nothing.

    It reads more than `read_identities`, because anyone named there may ask to be erased: ids under other protocols'
    names, `previousId` as either kind, and contacts at the top level as well as in traits.
    """
    if not isinstance(message, dict):
        return []
    fields = [*((field, message.get(field)) for field in _KINDS_OF_IDS), *fields_by_any_name(message)]
    ids = [(kind, value) for field, value in fields for kind in _KINDS_OF_IDS.get(field, ())]
    context = _object(message.get("context"))
    sections = (message, _object(message.get("traits")), _object(context.get("traits")))
    contacts = [(kind, section.get(kind)) for kind in _CONTACTS for section in sections]
    read = [_readable_identity(kind, value, phone_region) for kind, value in (*ids, *contacts)]
    found = [identity for identity in read if identity is not None]
    return sorted(dict.fromkeys((*found, *_addresses(found))), key=lambda identity: _STRENGTH[identity.kind])


def _readable_identity(kind: IdentityKind, value: Any, phone_region: str | None) -> Identity | None:
    try:
        return read_identity(kind, value, phone_region=phone_region)
    except InvalidMessage:
        return None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_address(identity: Identity) -> Identity:
    """The email address, if it is a `user_id` that is one: every message with this `user_id` has both identities."""
    return next(_addresses([identity]), identity)


def _addresses(identities: Iterable[Identity]) -> Iterator[Identity]:
    """The email addresses that serve as a `user_id`."""
    for identity in identities:
        if identity.kind == "user_id" and "@" in identity.value:
            address = canonical_email_alone(identity.value)
            if address is not None:
                yield Identity("email", address)


def _read_previous(message: Mapping[str, Any], *, trusted: bool) -> tuple[Identity, ...]:
    """The identities that an alias joins to its `userId`.

    A `previousId` does not say which kind of id it is. From a public key it is only an anonymous id; from a secret key
    it is a user id as well, whether the person's events come before the alias or after.
    """
    value = message.get("previousId")
    previous = read_identity("anonymous_id", value, "previousId")
    known = read_identity("user_id", value, "previousId")
    if previous is None or known is None:
        raise InvalidMessage("invalid-identity", "An alias needs a `previousId`: the id that the person had before.")
    return (known, previous) if trusted else (previous,)


def _check_id(text: str | None, field: str) -> str:
    if text is None:
        raise InvalidMessage("invalid-identity", f"`{field}` must be text or a number.")
    text = trimmed(text)
    if len(text) > MAX_IDENTITY_LENGTH:
        raise InvalidMessage("invalid-identity", f"`{field}` is longer than {MAX_IDENTITY_LENGTH} characters.")
    if not is_storable(text):
        raise InvalidMessage("invalid-characters", f"`{field}` holds U+0000 or half of a surrogate pair: remove it.")
    if means_nobody(text) or reaches_nobody(text.casefold()):
        raise InvalidMessage("invalid-identity", f"`{field}` identifies nobody: omit it until the person has an id.")
    return text


def _nobody(message_type: str, traits: Sequence[Mapping[str, Any]]) -> str:
    if message_type not in _CONTACT_SUFFICES:
        return "This message has no identity: send a `userId` or an `anonymousId`."
    if any(as_text(each.get("email")) for each in traits):
        return "This message has no identity: correct its `email`, or send a `userId` or an `anonymousId`."
    if any(as_text(each.get("phone")) for each in traits):
        hint = "write its `phone` in international form, such as +4930123456"
        return f"This message has no identity: {hint}, or send a `userId` or an `anonymousId`."
    return "This message has no identity: send a `userId`, an `anonymousId`, an `email` or a `phone`."
