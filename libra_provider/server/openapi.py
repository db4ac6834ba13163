"""The OpenAPI document: what the routes say of themselves, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from libra_provider.server.bodies import Problem
from libra_provider.server.signed_urls import Purpose

_DESCRIPTION = """\
SQL on one shared Spark driver, with a ledger that forgets nothing it accepted.

`POST /api/v1/sessions/{session}/statements` takes a statement. A request without `Prefer`,
`Idempotency-Key` and any field that the old contract does not know is answered as that contract
has it: when the work is over, with 200 and the result as text. Everything else is answered with
the statement as it stands. Errors are `application/problem+json` with a sentence in `detail`.
"""
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Libra's token (LIBRA_TOKEN); a Libra on loopback may have none.",
    }
}
# The path of the last ones is the permission.
_OPEN_TO_ALL = ("/livez", "/readyz", *(f"/{purpose}/" for purpose in Purpose))


def document(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What *app* answers at ``/openapi.json``, made when it is first asked for."""

    def make() -> dict[str, Any]:
        if not app.openapi_schema:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=_DESCRIPTION,
                routes=app.routes,
            )
            app.openapi_schema = _completed(made)
        return app.openapi_schema

    return make


def _completed(made: dict[str, Any]) -> dict[str, Any]:
    components = made["components"]
    components["securitySchemes"] = _SECURITY
    schemas = components["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    # FastAPI's own words for invalid requests; Libra answers 400 with a problem.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in made["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["security"] = [] if path.startswith(_OPEN_TO_ALL) else [{"token": []}]
    return made
