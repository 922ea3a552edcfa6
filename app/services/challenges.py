"""Challenges: proof of work that a browser does for about a second before it may send a form.

A challenge is signed and not stored, so every replica with the same secret can check its solution. The solution gives
its message an id: used again, it makes a duplicate, which doesn't count.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from altcha import Payload, create_challenge, verify_solution

ALGORITHM = "PBKDF2/SHA-256"
COST = 5_000
"""Iterations of one attempt. Solving a challenge takes 256 attempts on average, checking the solution takes one."""

VALID_FOR = timedelta(hours=1)
MAX_SOLUTION_LENGTH = 4_000


class Challenges:
    """Challenges for the forms of a key, signed with a secret."""

    def __init__(self, secret: str, cost: int = COST) -> None:
        self._secret = secret
        self._cost = cost

    def create(self, key_id: UUID, now: datetime) -> dict[str, Any]:
        """A challenge as ALTCHA's widget expects it."""
        expires_at, data = now + VALID_FOR, _data(key_id)
        return create_challenge(
            ALGORITHM, self._cost, expires_at=expires_at, data=data, hmac_secret=self._secret
        ).to_dict()

    def message_id(self, solution: str, key_id: UUID) -> str | None:
        """The id of the message that comes with this solution, None if the solution is wrong or expired.

        Whether it is expired is decided by the system's clock.
        """
        payload = _read(solution)
        if payload is None or not verify_solution(payload, self._secret).verified:
            return None
        parameters = payload.challenge.parameters
        return f"altcha-{parameters.nonce}" if parameters.data == _data(key_id) else None


def _read(solution: str) -> Payload | None:
    if len(solution) > MAX_SOLUTION_LENGTH:
        return None
    try:
        return Payload.from_base64(solution)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _data(key_id: UUID) -> dict[str, str]:
    """Binds a challenge to a key, because message ids are unique only within a source."""
    return {"key": str(key_id)}
