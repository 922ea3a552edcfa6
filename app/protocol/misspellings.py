"""Field names from other protocols, such as `user_id` or `UserID` for `userId`, as hints in error messages."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from app.scoring.strings import comparable

_MAX_FIELDS = 100  # a bound on the work for a malicious message
_FIELDS: dict[str, str] = {
    spelling: field
    for field, spellings in {
        "userId": ("userid", "distinctid", "useridentifier", "customerid"),
        "anonymousId": ("anonymousid", "anonid", "anonymoususerid", "visitorid", "deviceid", "clientid"),
        "previousId": ("previousid", "previoususerid", "oldid", "olduserid"),
        "groupId": ("groupid", "companyid", "accountid"),
        "event": ("event", "eventname", "name"),
        "type": ("type", "messagetype", "eventtype"),
    }.items()
    for spelling in spellings
}


def misspelling_hint(message: Mapping[str, Any], fields: Collection[str]) -> str:
    """A question to append to an error, if a missing field seems to be there under another name; otherwise empty.

    It does not repeat anything from the message.
    """
    missing = [field for field, _ in fields_by_any_name(message) if field in fields and not message.get(field)]
    return f" Did you mean {' and '.join(f'`{field}`' for field in dict.fromkeys(missing))}?" if missing else ""


def fields_by_any_name(message: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the protocol's fields that have a value, by their proper names, however the message spells them."""
    for name, value in islice(message.items(), _MAX_FIELDS):
        if value and (field := _FIELDS.get(_letters(name))):
            yield field, value


def _letters(name: str) -> str:
    return "".join(letter for letter in comparable(name) if letter.isalnum())
