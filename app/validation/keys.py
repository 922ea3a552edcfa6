"""The kinds of keys, and keys whose secrets an operator chose: `KIND:NAME:SECRET`."""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

KeyKind = Literal["write", "server", "read", "admin"]
KEY_KINDS: tuple[KeyKind, ...] = get_args(KeyKind)

MAX_NAME_LENGTH = 100
_LONG_ENOUGH = re.compile(r"[\w.~+/=-]{32,200}", re.ASCII)
MIN_DIFFERENT_CHARACTERS = 10  # 32 random hexadecimal digits have fewer about once in ten thousand times


@dataclass(frozen=True, slots=True)
class ChosenKey:
    """A key as a manifest describes it. The secret is left out of its representation, which may be logged."""

    kind: KeyKind
    name: str
    secret: str = field(repr=False)


def read_chosen_key(text: str) -> ChosenKey:
    """Raises `ValueError`, whose message never repeats the secret."""
    kind, _, rest = text.strip().partition(":")
    name, _, secret = rest.rpartition(":")
    known = next((each for each in KEY_KINDS if each == kind.strip()), None)
    if known is None or not 0 < len(name.strip()) <= MAX_NAME_LENGTH or not name.isprintable():
        raise ValueError(f"must be KIND:NAME:SECRET, where KIND is one of {', '.join(KEY_KINDS)}")
    if not _LONG_ENOUGH.fullmatch(secret) or len(set(secret)) < MIN_DIFFERENT_CHARACTERS:
        msg = "must have secrets of 32 to 200 random letters, digits or -._~+/=, such as `openssl rand -hex 32` prints"
        raise ValueError(msg)
    return ChosenKey(known, name.strip(), secret)
