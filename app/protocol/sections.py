"""The objects within a message, `context`, `properties` and `traits`, cleaned for storage.

Invisible differences must not affect points: names are stored in canonical form, and texts of traits are trimmed of
whitespace and invisible characters. Texts of properties stay unchanged.
"""

from collections.abc import Mapping
from typing import Any

from app.errors import InvalidMessage
from app.scoring.emails import canonical_email
from app.scoring.strings import trimmed, with_canonical_names


def read_section(message: Mapping[str, Any], key: str, path: str | None = None) -> dict[str, Any]:
    """An object within a message. Any empty value is an empty object: PHP writes one as `[]` or `false`."""
    section = message.get(key)
    if not section:
        return {}
    if not isinstance(section, dict):
        raise InvalidMessage("validation-error", f"`{path or key}` must be an object.")
    return section


def tidy_traits(traits: Mapping[str, Any]) -> dict[str, Any]:
    """The traits with canonical names and trimmed texts; a valid `email` is also canonical."""
    tidy = {name: _tidy_trait(value) for name, value in with_canonical_names(traits).items()}
    address = canonical_email(email) if isinstance(email := tidy.get("email"), str) else None
    return tidy if address is None else {**tidy, "email": address}


def _tidy_trait(value: Any) -> Any:
    if isinstance(value, str):
        return trimmed(value)
    if isinstance(value, list):
        return [trimmed(item) if isinstance(item, str) else item for item in value]
    return value
