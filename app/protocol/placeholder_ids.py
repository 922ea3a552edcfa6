"""Ids that identify nobody: words for null, field names, and placeholders that were never replaced."""

import re
from html import unescape
from urllib.parse import unquote

from app.scoring.strings import comparable, with_ascii_digits

_HAS_VALUE = re.compile(r"(?=[\w-]*[1-9])[0-9A-Za-z][\w-]*", re.ASCII)
"""Most ids: letters and digits with at least one of 1 to 9. No word, placeholder or zero matches."""

_ABSENT_VALUES = ("null", "undefined", "none", "nil", "nan")
_OTHER_ABSENT_VALUES = (
    "dbnull",
    "unset",
    "undef",
    "empty",
    "value",
    "placeholder",
    "todo",
    "tbd",
    "replace me",
    "change me",
)
_PEOPLE = ("anonymous", "anon", "guest", "unknown", "user", "visitor")
_PEOPLE_UNKNOWN = ("anonymous user", "guest user", "unknown user", "anonymous visitor", "unknown visitor")
_NOT_LOGGED_IN = ("not authenticated", "unauthenticated", "not logged in", "logged out", "not set", "not available")
_OTHER_TYPES = ("true", "false", "infinity", "object", "string")
_OWNERS = (
    *("user", "anonymous", "distinct", "previous", "visitor", "client", "customer", "contact", "lead", "person"),
    *("member", "account", "device", "session", "external", "profile", "subscriber", "unique", "internal", "login"),
    *("ajs user", "ajs anonymous"),
)
_FIELD_NAMES = (
    *("id", "uid", "uuid", "guid", "email", "email address", "phone", "user name"),
    *(f"{owner} {name}" for owner in _OWNERS for name in ("id", "uid", "uuid", "guid")),
)


def _joined(*words: str) -> frozenset[str]:
    return frozenset(word.replace(" ", "") for word in words)


_FIELDS = _joined(*_FIELD_NAMES)
_WORDS = _FIELDS | _joined(
    *(*_ABSENT_VALUES, *_OTHER_ABSENT_VALUES, *_PEOPLE, *_PEOPLE_UNKNOWN, *_NOT_LOGGED_IN, *_OTHER_TYPES)
)
_REACHES_NOBODY = _WORDS | {"noemail", "nomail", "na"}
_SIGNS = frozenset({"-1", "n/a", "n.a.", "n.a", "\\n", "_ga", "_gid"})
_ERROR_IN_A_CELL = re.compile(r"#(?:n/[ad]|nv|\u00a1?\w+(?:/0)?[!?])")
"""`#N/A`, `#REF!`, `#DIV/0!`, in several languages."""

_BETWEEN_WORDS = re.compile(r"[\W_]+")
_AROUND_WORDS = re.compile(r"(?:your|my|current|no|insert|enter|optional|system)?(.+?)(?:here)?")
"""What instructions and some languages' types put around a word: `YOUR_USER_ID_HERE`, `Optional(nil)`."""
_PREFIXED_NOTHING = re.compile(r"(.+?)(?:null|undefined|none)+")  # `user_undefined`, `id=null`
_SUBJECTS = _WORDS | _joined(*_OWNERS)
_NOTHING = re.compile(rf"0*|0[xe]0+|f{{32}}|(?:{'|'.join(_ABSENT_VALUES)}){{2,}}")
"""Ids that are, without punctuation, empty, zeros, the maximum UUID or repeated absent values."""

# Template variables that were never replaced, and objects written instead of their ids.
_NAME = r"[^\W\d]+(?:[.$ -]+[^\W\d]+)*"
_LIKE_A_VARIABLE = re.compile(
    rf"[%:$]{_NAME}|%{_NAME}%|%\({_NAME}\)s|__{_NAME}__|\{{{_NAME}\}}|\[{_NAME}\]|#?<[^@]*>|%%.*%%|\*\|.*\|\*",
    re.DOTALL,
)
_HAS_VARIABLE = re.compile(r"[{$#]\{.*\}|\{%.*%\}|<[%?].*[%?]>|\[\[.*\]\]|\[object \w+\]", re.DOTALL)
_IS_CODE = re.compile(r"promise ?\{.*\}|(?:async )?function\b.*\}|(?:\(.*?\)|\w+) ?=>.*", re.DOTALL)
# Razor's `@Model.UserId`, JavaScript's `this.userId`; `@ada` is a person
_FIELD_OF_A_MODEL = re.compile(r"(?:@[\w.]*|(?:this|self|props|properties|traits)(?:\.\w+)*?)\.(\w+)")


def means_nobody(text: str) -> bool:
    """Whether a trimmed id can't identify one person, even if a template escaped it for HTML or a URL."""
    if _HAS_VALUE.fullmatch(text):
        return False
    text = with_ascii_digits(comparable(unescape(unquote(text))))
    bare = _BETWEEN_WORDS.sub("", text)
    wrapped, field = _AROUND_WORDS.fullmatch(bare), _FIELD_OF_A_MODEL.fullmatch(text)
    prefixed = _PREFIXED_NOTHING.fullmatch(bare)
    return (
        bare in _WORDS
        or (wrapped is not None and wrapped[1] in _WORDS)
        or (field is not None and _BETWEEN_WORDS.sub("", field[1]) in _FIELDS)
        or (prefixed is not None and prefixed[1] in _SUBJECTS)
        or text in _SIGNS
        or _ERROR_IN_A_CELL.fullmatch(text) is not None
        or _IS_CODE.fullmatch(text) is not None
        or _NOTHING.fullmatch(bare) is not None
        or _LIKE_A_VARIABLE.fullmatch(text) is not None
        or _HAS_VARIABLE.search(text) is not None
    )


def reaches_nobody(address: str) -> bool:
    """Whether both the name and the domain of an email address are such words: `null@null.com`, `none@none`."""
    name, _, domain = address.partition("@")
    return domain.partition(".")[0] in _REACHES_NOBODY and means_nobody(name)
