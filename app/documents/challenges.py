"""Documents for challenges of proof of work."""

from typing import Any

from pydantic import BaseModel, ConfigDict

EXAMPLE: dict[str, Any] = {
    "parameters": {
        "algorithm": "PBKDF2/SHA-256",
        "cost": 5000,
        "data": {"key": "01a226ae-82ac-727b-a06e-2b5c656a7c06"},
        "expiresAt": 1793000000,
        "keyLength": 32,
        "keyPrefix": "00",
        "nonce": "6f0d3b0c9c1f4f0f8d0c8a3a5e7b2d19",
        "salt": "0b3f6f6f2f8d4a54a3c1c9b7de10c2ab",
    },
    "signature": "9d4e1ea4a5b0c6e0c5f6f2a3d1b7c8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f",
}


class ChallengeDocument(BaseModel):
    """What ALTCHA's widget solves. Its `parameters` are those of ALTCHA's second version."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    parameters: dict[str, Any]
    signature: str
