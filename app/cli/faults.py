"""Faults in the terms of a command: requests and services name the API's fields, people gave options."""

import re
from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from app.errors import ValidationFailed
from app.validation.error_messages import error_message
from app.validation.faults import Fault

Options = Mapping[str, str]
"""Options by field. A field that is missing has the option of its own name, with hyphens."""

_MENTIONED = re.compile(r"`(\w+)`")


def refused_request(error: ValidationError, options: Options) -> ValidationFailed:
    faults = [Fault(".".join(map(str, fault["loc"])), error_message(fault)) for fault in error.errors()]
    return refused_options(faults, options)


def refused_options(faults: Iterable[Fault], options: Options) -> ValidationFailed:
    found = tuple(Fault(_option(fault.path, options), _with_options(fault.message, options)) for fault in faults)
    return ValidationFailed("; ".join(map(str, found)), found)


def _option(path: str, options: Options) -> str:
    """That of the innermost field that has one: `score.band` → `--band`, `types.0` → `--type`."""
    fields = path.split(".")
    known = next((options[field] for field in reversed(fields) if field in options), None)
    return known or (f"--{fields[0].replace('_', '-')}" if path else "the options")


def _with_options(message: str, options: Options) -> str:
    return _MENTIONED.sub(lambda field: f"`{options.get(field[1], field[1])}`", message)
