"""Links that keep the parameters of the page that holds them."""

from urllib.parse import urlencode

from fastapi import Request


def with_parameters(request: Request, **changed: str | None) -> str:
    """The page's query with some parameters replaced, or left out where they are None."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changed]
    return "?" + urlencode([*kept, *((name, value) for name, value in changed.items() if value is not None)])


def path_with(path: str, request: Request) -> str:
    """Another path with the page's query."""
    return f"{path}?{request.url.query}" if request.url.query else path
