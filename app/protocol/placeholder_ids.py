"""Ids that identify nobody: words for null, field names, and placeholders that were never replaced."""

import re
from html import unescape
from urllib.parse import unquote

from app.scoring.strings import comparable

_HAS_VALUE = re.compile(r"(?=[\w-]*[1-9])[0-9A-Za-z][\w-]*", re.ASCII)
"""Most ids: letters and digits with at least one of 1 to 9. No word, placeholder or zero matches."""

_ABSENT_VALUES = ("null", "undefined", "none", "nil", "nan")
_OTHER_ABSENT_VALUES = ("dbnull", "unset", "undef", "empty", "value", "placeholder", "todo", "tbd", "replace me")
_PEOPLE = ("anonymous", "anon", "guest", "unknown", "user", "visitor")
_PEOPLE_UNKNOWN = ("anonymous user", "guest user", "unknown user", "anonymous visitor", "unknown visitor")
_NOT_LOGGED_IN = ("not authenticated", "unauthenticated", "not logged in", "logged out", "not set", "not available")
_OTHER_TYPES = ("true", "false", "infinity", "object")
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
_SIGNS = frozenset({"-1", "n/a", "n.a.", "#n/a", "#ref!", "#value!", "#name?", "#null!", "\\n", "_ga", "_gid"})
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_AROUND_WORDS = re.compile(r"(?:your|my|current|no|insert|enter|optional|system)?(.+?)(?:here)?")
"""What instructions and some languages' types put around a word: `YOUR_USER_ID_HERE`, `Optional(nil)`."""
_NOTHING = re.compile(rf"0*|f{{32}}|(?:{'|'.join(_ABSENT_VALUES)}){{2,}}")
"""Ids that are, without punctuation, empty, zeros, the maximum UUID or repeated absent values."""

# Template variables that were never replaced, and objects written instead of their ids.
_NAME = r"[^\W\d]+(?:[.$ -]+[^\W\d]+)*"
_LIKE_A_VARIABLE = re.compile(
    rf"[%:$]{_NAME}|%{_NAME}%|%\({_NAME}\)s|__{_NAME}__|\{{{_NAME}\}}|\[{_NAME}\]|#?<[^@]*>|%%.*%%|\*\|.*\|\*",
    re.DOTALL,
)
_HAS_VARIABLE = re.compile(r"[{$#]\{.*\}|\{%.*%\}|<[%?].*[%?]>|\[\[.*\]\]|\[object \w+\]", re.DOTALL)
_FIELD_OF_A_MODEL = re.compile(r"@[\w.]*\.(\w+)")  # Razor's `@Model.UserId`; `@ada` is a person


def means_nobody(text: str) -> bool:
    """Whether a trimmed id can't identify one person, even if a template escaped it for HTML or a URL."""
    if _HAS_VALUE.fullmatch(text):
        return False
    text = comparable(unescape(unquote(text)))
    bare = _BETWEEN_WORDS.sub("", text)
    wrapped, field = _AROUND_WORDS.fullmatch(bare), _FIELD_OF_A_MODEL.fullmatch(text)
    return (
        bare in _WORDS
        or (wrapped is not None and wrapped[1] in _WORDS)
        or (field is not None and _BETWEEN_WORDS.sub("", field[1]) in _FIELDS)
        or text in _SIGNS
        or _NOTHING.fullmatch(bare) is not None
        or _LIKE_A_VARIABLE.fullmatch(text) is not None
        or _HAS_VARIABLE.search(text) is not None
    )
