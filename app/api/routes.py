"""Routes that refuse unknown and repeated query parameters. FastAPI's own would ignore a misspelt one."""

from collections.abc import Callable, Coroutine
from typing import Any, get_args, get_origin

from fastapi import APIRouter, Request
from fastapi.dependencies.models import Dependant
from fastapi.params import Depends
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams
from starlette.types import Scope

from app.api.access import runtime_of, secret_from_header
from app.api.bodies import MAX_JSON_BYTES, parse_body, read_body
from app.api.problems import REFUSALS, Responses
from app.errors import ValidationFailed
from app.validation.faults import Fault
from app.validation.names import unknown_name_message

REPEATED = "can be given only once"


def strict_router(prefix: str, tag: str, *needed: Depends, responses: Responses | None = None) -> APIRouter:
    """A router of strict routes. `needed`: what each depends on, such as `Reader`. `responses`: besides `REFUSALS`."""
    return APIRouter(
        prefix=prefix,
        tags=[tag],
        route_class=StrictRoute,
        dependencies=needed,
        responses=REFUSALS | (responses or {}),
    )


class StrictRoute(APIRoute):
    """Refuses undeclared and repeated query parameters, and applies our limits and strict JSON to bodies.

    FastAPI itself would read a body of any length, from anybody, before the key is checked.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, known = super().get_route_handler(), query_parameters(self.dependant)
        repeatable = query_parameters(self.dependant, repeatable=True)

        async def check_and_handle(request: Request) -> Response:
            unknown = request.query_params.keys() - known
            repeated = repeated_parameters(request.query_params) - repeatable
            if not unknown and not repeated and self.body_field is None:
                return await handle(request)
            runtime = runtime_of(request)
            await runtime.keys.recognise(secret_from_header(request))
            if unknown:
                raise unknown_parameters(unknown, known)
            if repeated:
                raise ValidationFailed.of(*(Fault(name, REPEATED) for name in sorted(repeated)))
            body = await read_body(request, runtime.settings.body_timeout_s, MAX_JSON_BYTES)
            await parse_body(body)
            read = Request(_without_type(request.scope), request.receive)
            read._body = body  # noqa: SLF001 - where Starlette caches a body
            return await handle(read)

        return check_and_handle


def query_parameters(dependant: Dependant, *, repeatable: bool = False) -> set[str]:
    """The names of the query parameters, all or only the repeatable ones, of the route and its dependencies."""
    own = {field.alias for field in dependant.query_params if not repeatable or _is_list(field.field_info.annotation)}
    return own.union(*(query_parameters(each, repeatable=repeatable) for each in dependant.dependencies))


def _is_list(annotation: Any) -> bool:
    """Whether it is a list, or a list or None."""
    return any(get_origin(each) is list for each in (annotation, *get_args(annotation)))


def repeated_parameters(params: QueryParams) -> set[str]:
    """The names of those that are given more than once. If only one value counted, the others would be lost."""
    return {name for name in params if len(params.getlist(name)) > 1}


def unknown_parameters(unknown: set[str], known: set[str]) -> ValidationFailed:
    """The unknown names are left out: they are the client's own text."""
    messages = {unknown_name_message("parameter", name, sorted(known)) for name in unknown}
    return ValidationFailed.of(*(Fault("query", message) for message in sorted(messages)))


def _without_type(scope: Scope) -> Scope:
    """Without Content-Type: the body is JSON, but `curl -d` declares a form, and FastAPI would believe it."""
    return {**scope, "headers": [header for header in scope["headers"] if header[0] != b"content-type"]}
