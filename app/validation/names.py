"""Names that something refers to but that don't exist: what is said of them, with what may have been meant."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from itertools import islice

from app.validation.faults import Fault

ALIKE = 0.7  # one letter off in a short name, but not `page` beside `stage`
MAX_LISTED = 20


def unknown_name_message(what: str, name: str, known: Collection[str]) -> str:
    """The message about an unknown field, parameter or the like (`what`), with a suggestion or all known names."""
    folded = {each.casefold(): each for each in known}
    if near := get_close_matches(name.casefold(), folded, n=1, cutoff=ALIKE):
        return f"unknown {what}; did you mean {folded[near[0]]}?"
    if not known:
        return f"unknown {what}"
    more = f" and {len(known) - MAX_LISTED} more" if len(known) > MAX_LISTED else ""
    return f"unknown {what}; expected one of: {', '.join(islice(known, MAX_LISTED))}{more}"


def unknown_names(path: str, what: str, names: Iterable[str], known: Collection[str]) -> Iterator[Fault]:
    """A fault for each name in a filter that is not known, and would give an empty list. `what` it should name."""
    return (Fault(path, unknown_name_message(what, name, known)) for name in names if name not in known)
