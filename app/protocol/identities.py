"""Which values name a person, and which identities a message carries.

The rule: a `userId`, `anonymousId` or `previousId` that means nobody, or is too long, refuses its whole message, even
beside a good identity, since it is a bug of the client that would otherwise gather all visitors in one lead. An
unusable email is something that people type: it is no identity, and stays a trait.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from app.errors import InvalidMessage
from app.protocol.values import as_text, is_storable
from app.scoring.events import IDENTITY_KINDS, Identity, IdentityKind

MAX_IDENTITY_LENGTH = 200

_EMAIL = re.compile("[^@\\s\0\ud800-\udfff\ufffd]+@[^@\\s\0\ud800-\udfff\ufffd]+")
_MEANINGLESS = frozenset(
    {"null", "(null)", "undefined", "none", "nil", "<nil>", "nan", "n/a", "[object object]"}
    | {"anonymous", "guest", "unknown", "-1", "true", "false"}
)
_EMAIL_SUFFICES = frozenset({"identify", "form"})
_STRENGTH = {kind: rank for rank, kind in enumerate(IDENTITY_KINDS)}


def read_identity(kind: IdentityKind, value: Any, field: str | None = None) -> Identity | None:
    """The identity that `value` stands for, None if there is none; an unusable email is none.

    Numbers are read as their text and emails are lowercased. `field` is the name used in errors, by default the kind.
    Raises InvalidMessage (`invalid-identity`, `invalid-characters`) for an id that can't mean one person.
    """
    text = as_text(value)
    if kind == "email":
        return _read_email(text or "")
    if text == "":
        return None
    return Identity(kind, _check_id(text, field or kind))


def read_identities(
    message: Mapping[str, Any], *, message_type: str, trusted: bool, emails: Collection[Any]
) -> tuple[Identity, ...]:
    """All identities of a message, the strongest kind first, each once; of an alias, the `userId` before the rest.

    Raises InvalidMessage (`invalid-identity`) if one is unusable, or none is there that the type of message asks for.
    """
    user = read_identity("user_id", message.get("userId"), "userId")
    anonymous = read_identity("anonymous_id", message.get("anonymousId"), "anonymousId")
    previous = _read_previous(message, trusted=trusted) if message_type == "alias" else ()
    if message_type == "alias" and user is None:
        raise InvalidMessage("invalid-identity", "An alias needs a `userId`: the id that the person has from now on.")
    found = [user, *previous, *(read_identity("email", email) for email in emails), anonymous]
    identities = dict.fromkeys(identity for identity in found if identity is not None)
    if user is None and anonymous is None and not (identities and (trusted or message_type in _EMAIL_SUFFICES)):
        unusable = message_type in _EMAIL_SUFFICES and any(map(as_text, emails))
        raise InvalidMessage("invalid-identity", _NO_ADDRESS if unusable else _nobody(message_type))
    return tuple(sorted(identities, key=lambda identity: _STRENGTH[identity.kind]))


def _read_previous(message: Mapping[str, Any], *, trusted: bool) -> tuple[Identity, ...]:
    """Whom an alias joins to its `userId`.

    `previousId` does not say which kind of id it is. A browser's key may claim an anonymous id alone; from a secret key
    it names the known person as well, whether that person's events come before the alias or after.
    """
    previous = read_identity("anonymous_id", message.get("previousId"), "previousId")
    if previous is None:
        raise InvalidMessage("invalid-identity", "An alias needs a `previousId`: the id that the person had before.")
    return (Identity("user_id", previous.value), previous) if trusted else (previous,)


def _read_email(text: str) -> Identity | None:
    email = text.lower()
    if len(email) > MAX_IDENTITY_LENGTH or not _EMAIL.fullmatch(email):
        return None
    return Identity("email", email)


def _check_id(text: str | None, field: str) -> str:
    if text is None:
        raise InvalidMessage("invalid-identity", f"`{field}` must be text or a number.")
    if len(text) > MAX_IDENTITY_LENGTH:
        raise InvalidMessage("invalid-identity", f"`{field}` is longer than {MAX_IDENTITY_LENGTH} characters.")
    if not is_storable(text):
        raise InvalidMessage("invalid-characters", f"`{field}` holds U+0000 or half of a surrogate pair: remove it.")
    if _is_meaningless(text):
        raise InvalidMessage("invalid-identity", f"`{field}` names nobody: leave it out until the person has an id.")
    return text


def _is_meaningless(text: str) -> bool:
    # Zeros and dashes alone are 0, -0 and the all-zero UUID that phones give for a refused advertising id.
    return not text.strip("0-") or text.casefold() in _MEANINGLESS


_NO_ADDRESS = "This message names nobody: its `email` is no address, and there is no `userId` or `anonymousId`."


def _nobody(message_type: str) -> str:
    remedy = ", or an `email`" if message_type in _EMAIL_SUFFICES else ""
    return f"This message names nobody: send a `userId` or an `anonymousId`{remedy}."
