"""The OpenAPI document: FastAPI's, with what FastAPI can't derive from the routes."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.api.message_documents import body_schemas
from app.api.problems import MEDIA_TYPE


class Documented(FastAPI):
    """An application that documents its errors as `application/problem+json`, and the bodies that it parses itself."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document["components"]["schemas"] | body_schemas()
            document["components"]["schemas"] = dict(sorted(schemas.items()))
            _set_media_type_of_problems(document)
            self.openapi_schema = document
        return self.openapi_schema


def operation_id(route: APIRoute) -> str:
    """The name of the route's handler: client generators name their functions after it."""
    return route.name


def _set_media_type_of_problems(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    answer["content"] = {MEDIA_TYPE: answer["content"].pop("application/json")}
