"""Every reason for refusing a request, as one tree; HTTP status codes belong to `api`.

LeadscoreError
├── MalformedJson              the body is not JSON, or not JSON that we accept
├── MalformedRequest           the body, a form or a cursor can't be read
├── UnsupportedEncoding        a Content-Encoding other than gzip
├── UnsupportedMediaType       a body of a type that the path does not accept
├── ContentTooLarge            over a limit in bytes or in messages
├── RequestTimeout             the body did not arrive in time
├── InvalidKey                 missing, malformed, unknown or revoked: one answer for all
├── InsufficientScope          a valid key of the wrong kind
├── OriginNotAllowed           a write key used from an origin that it does not list
├── QuotaExceeded              a key or an address has sent too much
├── UnsafeRedirect             a form's `_next` that is not on the allow-list
├── UnsafeUrl                  a webhook's URL that may lead into a private network
├── NotFound                   nothing has this id
├── ModelChanged               another version of the model became active than the one compared with
├── Gone                       a position that the feed no longer has
├── DamagedLead                a lead whose row can't be read, or whose evaluation fails
├── DamagedModel               a stored version of the scoring model that can't be loaded
├── InvalidMessage             one message is unusable; its `code` says why
├── ValidationFailed           a parameter or field of a request is wrong
│   └── ExamplesFailed         a scoring model that its own examples contradict
├── Unavailable                the database or the writer can't do work now
├── TooFewOutcomes             too few leads had an outcome, or had none, to measure or learn anything
├── TooManyEvents              the log is larger than what a backtest or a proposal may hold in memory
├── HorizonNotOver             the outcome may still follow the snapshot
├── NoBetterThanChance         nothing that is known about leads predicts the outcome
├── MissingExtra               a command needs packages that are not installed
├── UnreadableFile             a command's input file can't be read
└── SchemaOutdated             the database needs `leadscore migrate`

An invalid scoring model raises `app.validation.faults.InvalidModel` instead: the scoring core must not depend on this
module.
"""

from math import ceil
from typing import Literal, Self
from uuid import UUID

from app.validation.faults import Fault

MessageCode = Literal[
    "malformed-json",
    "validation-error",
    "invalid-identity",
    "invalid-characters",
    "not-finite",
    "out-of-range",
    "unstorable",
    "content-too-large",
    "event-not-allowed",
    "unsafe-redirect",
    "honeypot",
    "too-fast",
    "crawler",
    "proof-of-work",
]
"""Why a message is rejected or quarantined. Rejections are kept under these codes, and found by them."""


class LeadscoreError(Exception):
    """A refusal with a stable `code` (a slug) and a sentence that names the thing, the place and the remedy."""

    code = "error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class MalformedJson(LeadscoreError):
    code: MessageCode = "malformed-json"


class MalformedRequest(LeadscoreError):
    code = "malformed-request"


class UnsupportedEncoding(LeadscoreError):
    code = "unsupported-encoding"


class UnsupportedMediaType(LeadscoreError):
    code = "unsupported-media-type"


class ContentTooLarge(LeadscoreError):
    code = "content-too-large"


class RequestTimeout(LeadscoreError):
    code = "request-timeout"


class InvalidKey(LeadscoreError):
    code = "invalid-key"

    def __init__(self) -> None:
        super().__init__("This path needs a valid key: send one as `Authorization: Bearer …` or as the Basic user.")


class InsufficientScope(LeadscoreError):
    code = "insufficient-scope"


class OriginNotAllowed(LeadscoreError):
    code = "origin-not-allowed"


class QuotaExceeded(LeadscoreError):
    """The quota called `name` allows `amount` messages or requests in `window_s`. `left` are not enough for this one.

    `retry_after_s`: when more are left, in whole seconds.
    """

    code = "quota-exceeded"

    def __init__(self, name: str, amount: int, window_s: int, *, left: int, reset_s: float) -> None:
        super().__init__(f"This {name} may send {amount:,} messages or requests in {window_s:,} seconds: send less.")
        self.name = name
        self.amount = amount
        self.window_s = window_s
        self.left = left
        self.retry_after_s = min(max(ceil(reset_s), 1), window_s)


class UnsafeRedirect(LeadscoreError):
    code: MessageCode = "unsafe-redirect"


class UnsafeUrl(LeadscoreError):
    code = "unsafe-url"


class NotFound(LeadscoreError):
    code = "not-found"


class ModelChanged(LeadscoreError):
    code = "model-changed"


class Gone(LeadscoreError):
    code = "gone"


class DamagedLead(LeadscoreError):
    """A lead can't be read or evaluated; `__cause__` says why.

    `version`: the version of the model that it needs, if that can't be loaded. `event_id`: an event that it
    needs, if that can't be read.
    """

    code = "damaged-lead"

    def __init__(self, lead_id: UUID, version: int | None = None, event_id: object = None) -> None:
        fault, remedy = "its row is damaged, or leadscore has a bug", "the row"
        if version is not None:
            fault = f"its row is damaged, or version {version} of the scoring model, which it needs, can't be loaded"
            remedy = "the row or the version"
        if event_id is not None:
            fault = f"the row of its event {event_id} is damaged"
        super().__init__(
            f"Lead {lead_id} can't be evaluated: {fault}; the server's log has the details. "
            f"Restore {remedy} from a backup, or erase the lead with DELETE /v1/leads/{lead_id}."
        )


class DamagedModel(LeadscoreError):
    """A version of the model that others refer to can't be loaded; `__cause__` says why."""

    code = "damaged-model"

    def __init__(self, version: int) -> None:
        super().__init__(
            f"Version {version} of the scoring model can't be loaded: its row in the table `models` is damaged, or was "
            f"stored by another release; the server's log has the details. Restore the row from a backup, or run that "
            f"release."
        )
        self.version = version


class InvalidMessage(LeadscoreError):
    """One message is unusable; the rest of its batch is not affected."""

    code: MessageCode

    def __init__(self, code: MessageCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class ValidationFailed(LeadscoreError):
    code = "validation-error"

    def __init__(self, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.faults = faults

    @classmethod
    def of(cls, *faults: Fault) -> Self:
        return cls("; ".join(map(str, faults)), faults)


class ExamplesFailed(ValidationFailed):
    code = "examples-failed"


class Unavailable(LeadscoreError):
    """`reason` is the database's error, for the log only: clients don't see it."""

    code = "unavailable"

    def __init__(self, detail: str, retry_after_s: int = 1, reason: str | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.reason = reason


class TooFewOutcomes(LeadscoreError):
    """`found` leads, where `needed` are required."""

    code = "too-few-outcomes"

    def __init__(self, detail: str, *, found: int, needed: int) -> None:
        super().__init__(detail)
        self.found = found
        self.needed = needed


class TooManyEvents(LeadscoreError):
    code = "too-many-events"


class HorizonNotOver(LeadscoreError):
    code = "horizon-not-over"


class NoBetterThanChance(LeadscoreError):
    """`auc` is the held-out AUC, whose 95 % interval reaches 0.5."""

    code = "no-better-than-chance"

    def __init__(self, detail: str, *, auc: float) -> None:
        super().__init__(detail)
        self.auc = auc


class MissingExtra(LeadscoreError):
    code = "missing-extra"


class UnreadableFile(LeadscoreError):
    code = "unreadable-file"


class SchemaOutdated(LeadscoreError):
    code = "schema-outdated"
