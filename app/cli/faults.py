"""Faults in the terms of a command: requests and services name the API's fields, people gave options."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.errors import ValidationFailed
from app.validation.error_messages import error_message
from app.validation.faults import Fault

Request = TypeVar("Request", bound=BaseModel)

Options = Mapping[str, str]
"""Options by the path of a field: `at_least`, or `score.at_least` within another field.

A field that is missing has the option of the outermost field's name, with hyphens.
"""

_MENTIONED = re.compile(r"`(\w+)`")


def read_options(request: type[Request], options: Options, /, **fields: Any) -> Request:
    """The request that options make, as a client of the API would send it: without those that are None or empty.

    Raises `ValidationFailed`.
    """
    try:
        return request.model_validate({name: value for name, value in fields.items() if value not in (None, [], {})})
    except ValidationError as error:
        raise refused_request(error, options) from None


def refused_request(error: ValidationError, options: Options) -> ValidationFailed:
    faults = [Fault(".".join(map(str, fault["loc"])), error_message(fault)) for fault in error.errors()]
    return refused_options(faults, options)


def refused_options(faults: Iterable[Fault], options: Options) -> ValidationFailed:
    return ValidationFailed.of(
        *(Fault(_option(fault.path, options), _with_options(fault, options)) for fault in faults)
    )


def _option(path: str, options: Options) -> str:
    """That of the longest known path that this one begins with: `score.band` → `--band`, `types.0` → `--type`.

    The rest of a path may be a name that somebody chose, such as `events` in `map.events`.
    """
    fields = path.split(".")
    outwards = (".".join(fields[:length]) for length in range(len(fields), 0, -1))
    known = next((options[field] for field in outwards if field in options), None)
    return known or (f"--{fields[0].replace('_', '-')}" if path else "the options")


def _with_options(fault: Fault, options: Options) -> str:
    """The message, with options for the fields that it mentions, which are within the fault's own or outermost."""

    def option(field: re.Match[str]) -> str:
        return options.get(f"{fault.path}.{field[1]}") or options.get(field[1], field[1])

    return _MENTIONED.sub(lambda field: f"`{option(field)}`", fault.message)
