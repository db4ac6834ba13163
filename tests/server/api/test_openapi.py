from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def api(shared_api: RunningLibra) -> RunningLibra:
    return shared_api


def answers(api: RunningLibra) -> dict[tuple[str, str], dict[str, Any]]:
    paths = api.get("/openapi.json").json()["paths"]
    return {
        (verb, path): operation["responses"]
        for path, operations in paths.items()
        for verb, operation in operations.items()
    }


def test_schemathesis_finds_no_5xx_and_no_undocumented_answer(
    make_libra: MakeLibra, tmp_path: Path
) -> None:
    token = "Authorization: Bearer right"
    with make_libra(token="right") as api:
        body, header = {"code": "rows 1"}, {"Authorization": "Bearer right"}
        api.post("/api/v1/sessions/default/statements", json=body, headers=header)  # it is up
        done = subprocess.run(
            [
                *(SCHEMATHESIS, "run", api.url + "/openapi.json", "--no-color"),
                *("--header", token, "--request-timeout", "20"),
                *("--checks", ",".join(CHECKS), "--seed", "1", "--max-examples", "15"),
                # They run programs, and answer 500 when those fail: so it is in that contract.
                *("--exclude-tag", "old API"),
            ],
            cwd=tmp_path,  # where it may leave its caches
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stdout[-10_000:]
        assert f"Tested: {len(answers(api)) - 2}" in done.stdout


def test_every_answer_is_documented_as_what_it_is(api: RunningLibra) -> None:
    for operation, responses in answers(api).items():
        problems = {status: body for status, body in responses.items() if status >= "400"}

        assert {"401", "500", "503"} <= problems.keys(), operation
        assert all("application/problem+json" in each["content"] for each in problems.values())
        assert "422" not in responses, operation


def test_no_body_is_documented_as_anything_at_all(api: RunningLibra) -> None:
    for operation, responses in answers(api).items():
        contents = responses.get("200", responses.get("204", {})).get("content", {})

        assert all(each["schema"] not in ({}, {"type": "object"}) for each in contents.values()), (
            operation
        )


def test_links_lead_to_operations_that_exist(api: RunningLibra) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    ids = {each["operationId"] for operations in paths.values() for each in operations.values()}
    answer = paths["/api/v1/sessions/{session}/statements"]["post"]["responses"]["202"]

    assert {"read_statement", "read_result", "kill_statement"} <= answer["links"].keys() <= ids


def test_the_token_is_a_security_scheme_and_probes_need_none(api: RunningLibra) -> None:
    document = api.get("/openapi.json").json()

    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["paths"]["/api/v1/pools"]["get"]["security"] == [{"token": []}]
    assert document["paths"]["/livez"]["get"]["security"] == []


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/v1/sessions/", "/"])
def test_an_unknown_route_is_a_problem_not_a_detour(api: RunningLibra, path: str) -> None:
    reply = api.get(path, allow_redirects=False)

    assert (reply.status_code, reply.headers["Content-Type"]) == (404, "application/problem+json")
    assert path in reply.json()["detail"]


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("PUT", "/api/v1/statements/abc", "DELETE, GET"),
        ("GET", "/api/v1/sessions/default/statements", "POST"),
        ("PATCH", "/livez", "GET"),
    ],
)
def test_a_wrong_method_is_told_all_the_right_ones(
    api: RunningLibra, verb: str, path: str, allowed: str
) -> None:
    reply = api.request(verb, path)

    assert (reply.status_code, reply.headers["Allow"]) == (405, allowed)
    assert reply.headers["Content-Type"] == "application/problem+json"
