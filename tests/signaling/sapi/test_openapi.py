"""The OpenAPI document: valid, the one in the repository, and true of the running server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from signaling.rates import Rates
from signaling.sapi.api import described
from tests.support.api import Api
from tests.support.signaling import Server, running

FILE = Path(__file__).parents[3] / "docs" / "openapi.json"
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


async def test_the_document_in_the_repository_is_the_generated_one_and_the_served_one(api: Api) -> None:
    assert FILE.read_text(encoding="utf-8") == described(), "make schemas writes it anew"
    async with api.http.get("/sapi/openapi.json") as answer:
        assert await answer.json() == json.loads(described())


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(json.loads(described())).validate()


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = [each["operationId"] for path in json.loads(described())["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("database_url", "admin"),
    [("sqlite", True), ("postgres", True), ("sqlite", False)],
    indirect=["database_url"],
    ids=["administrator-sqlite", "administrator-postgres", "user"],
)
async def test_whatever_is_asked_the_answers_are_those_of_the_document(
    tmp_path: Path, database_url: str, admin: bool
) -> None:
    unhurried = Rates(sapi_per_s=100_000.0, sapi_burst=100_000.0)
    async with running(tmp_path, database=database_url, rates=unhurried) as server:
        asker = await server.user("asker", admin=admin)
        await server.app.store.groups.add("sales", "local", members=[asker.id])
        await asyncio.to_thread(_ask_anything, server, server.token(asker))


def _ask_anything(server: Server, token: str) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/sapi/openapi.json")
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        _ask_operation(operation, GenerationMode.POSITIVE, token)
        if {"parameters", "requestBody"} & set(operation.definition.raw):  # else nothing can be wrong about it
            _ask_operation(operation, GenerationMode.NEGATIVE, token)


def _ask_operation(operation: Any, mode: GenerationMode, token: str) -> None:  # noqa: ANN401
    headers = {"Authorization": f"Bearer {token}"} if "security" in operation.definition.raw else {}

    @settings(
        max_examples=5,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:  # noqa: ANN401
        case.call_and_validate(headers=headers, checks=CHECKS)

    ask()
