"""The OpenAPI document: made of the same routes and types that answer."""

import re
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic.json_schema import models_json_schema

import slotkeeper

from .route import DownloadRoute, PageRoute

_PARAMETER = re.compile(r"{(\w+)}")

_ERRORS = {
    "401": {"description": "Nobody is signed in."},
    "403": {"description": "Not open to this role."},
    "404": {"description": "There is nothing here that this person may see."},
}


def described(pages: Sequence[PageRoute], downloads: Sequence[DownloadRoute]) -> bytes:
    """Describe every twin, table and download, OpenAPI 3.1."""
    says = list(dict.fromkeys(page.says for page in pages))
    names, definitions = models_json_schema(
        [(model, "serialization") for model in says],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, Any] = {}
    for page in pages:
        schema = names[page.says, "serialization"]
        paths[page.twin] = {"get": _operation(page, schema)}
        if page.posts:
            paths[page.twin]["post"] = _operation(page, schema)
        if page.table is not None:
            paths[page.csv] = {
                "get": {
                    "summary": f"{page.name}, all rows as CSV",
                    "parameters": _parameters(page),
                    "responses": {"200": _content("text/csv", {"type": "string"}), **_ERRORS},
                }
            }
    for download in downloads:
        paths[download.path] = {
            "get": {
                "summary": download.told,
                "parameters": _of_path(download.path),
                "responses": {
                    "200": _content("application/octet-stream", {"type": "string"}),
                    **_ERRORS,
                },
            }
        }
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Slotkeeper console", "version": slotkeeper.__version__},
            "paths": paths,
            "components": {"schemas": definitions.get("$defs", {})},
        }
    )


def _operation(page: PageRoute, schema: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "summary": page.told,
        "parameters": _parameters(page),
        "responses": {"200": _content("application/json", schema), **_ERRORS},
    }


def _parameters(page: PageRoute) -> list[dict[str, Any]]:
    return [
        *_of_path(page.path),
        *(
            {
                "name": one.name,
                "in": "query",
                "required": False,
                "description": one.told,
                "schema": {"type": "string"},
            }
            for one in page.parameters
        ),
    ]


def _of_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]


def _content(media_type: str, schema: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"description": "As asked for.", "content": {media_type: {"schema": schema}}}
