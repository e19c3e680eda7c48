"""The OpenAPI 3.1 document, made of the table of operations: what is served and what is described are the same rows.

`python -m signaling.sapi.openapi` writes docs/openapi.json; a test holds the file against this.
"""

from __future__ import annotations

import http
import json
import sys
from typing import Any

import msgspec

from .operations import Auth, Operation, Operations
from .problems import MEDIA_TYPE
from .wire import Problem, Wire

REF = "#/components/schemas/{name}"
Json = dict[str, Any]


def document(operations: Operations, version: str) -> Json:
    """Everything below `/sapi`."""
    schemas = _schemas(operations)
    paths: Json = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    described = {_name(kind) for o in operations if (kind := o.query) is not None}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tertulia SAPI",
            "version": version,
            "summary": "Sign-in, permissions, users, call history and what lives now, over HTTP.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": bearer},
            "schemas": {name: schema for name, schema in sorted(schemas.items()) if name not in described},
        },
    }


def text(operations: Operations, version: str) -> str:
    """The document as the file has it."""
    return json.dumps(document(operations, version), indent=2, ensure_ascii=False) + "\n"


def _schemas(operations: Operations) -> Json:
    kinds: dict[str, type[Any]] = {"Problem": Problem}
    for operation in operations:
        for kind in (operation.body, operation.query, operation.answer):
            if kind is not None:
                kinds[_name(kind)] = kind
    schemas: Json = msgspec.json.schema_components(tuple(kinds.values()), ref_template=REF)[1]
    return schemas


def _operation(operation: Operation[Any, Any], schemas: Json) -> Json:
    described: Json = {"operationId": operation.id, "summary": operation.summary}
    if parameters := [*_path_parameters(operation), *_query_parameters(operation, schemas)]:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    described["responses"] = _responses(operation)
    if operation.auth is not Auth.NOBODY:
        described["security"] = [{"bearer": []}]
    return described


def _path_parameters(operation: Operation[Any, Any]) -> list[Json]:
    schema = {"type": "string", "minLength": 1, "maxLength": 254}
    return [
        {"name": name, "in": "path", "required": True, "description": "An id or a name.", "schema": schema}
        for name in operation.parameters
    ]


def _query_parameters(operation: Operation[Any, Any], schemas: Json) -> list[Json]:
    if operation.query is None:
        return []
    schema = schemas[_name(operation.query)]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": each}
        for name, each in schema["properties"].items()
    ]


def _responses(operation: Operation[Any, Any]) -> Json:
    answer: Json = {"description": http.HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        answer["content"] = _content(operation.answer)
    problems = {str(status): _problem(status) for status in operation.all_problems}
    return {str(operation.status): answer, **problems}


def _problem(status: int) -> Json:
    phrase = http.HTTPStatus(status).phrase
    return {"description": phrase, "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}}}}


def _content(kind: type[Wire]) -> Json:
    return {"application/json": {"schema": {"$ref": REF.format(name=_name(kind))}}}


def _name(kind: type[Any]) -> str:
    return kind.__name__


if __name__ == "__main__":
    from .api import described

    sys.stdout.write(described())
