"""The OpenAPI document: FastAPI's, with the media type of problems, which routes have no way to tell."""

from typing import Any

from fastapi import FastAPI

from app.api.problems import MEDIA_TYPE


class Documented(FastAPI):
    """An application whose errors are documented as what they are, `application/problem+json`."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status >= "400":
                    answer["content"] = {MEDIA_TYPE: answer["content"].pop("application/json")}
    return document
