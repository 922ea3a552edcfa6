"""Conflicts between transactions: work is repeated, but not forever."""

from app.errors import Unavailable
from app.storage.db import Conflict

MAX_IN_A_ROW = 20
"""How often others may come first. Work that conflicts more often would do so forever, for instance because it stores a
row that refers to a missing one."""


class Conflicts:
    """Counts how often a piece of work conflicted in a row."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def clear(self) -> None:
        self._in_a_row = 0

    def add(self, conflict: Conflict) -> None:
        """Raises `Unavailable` if it was the last attempt."""
        self._in_a_row += 1
        if self._in_a_row == MAX_IN_A_ROW:
            msg = "The transaction kept conflicting with others. Send the same request again."
            # Only the first line: the details of a violated constraint may be personal data.
            reason = str(conflict.__cause__ or "").partition("\n")[0]
            raise Unavailable(msg, reason=reason or None) from conflict
