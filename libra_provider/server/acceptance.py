"""From a request to an order: what Libra takes, and through which door it came."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic.alias_generators import to_camel

from libra_provider.core.errors import BadInput
from libra_provider.core.job import Kind
from libra_provider.core.masking import MASK
from libra_provider.server.pools import DEFAULT_POOL
from libra_provider.server.schemas import StatementRequest
from libra_provider.server.settings import Settings
from libra_provider.server.statement import Order

_RUNNABLE = (Kind.SQL,)
_NOT_FOR_SQL: Mapping[str, str] = {
    "spark_config": "the shared driver has its properties already; use SET in the session",
    "args": "a SQL statement takes parameters",
    "file_path": "send the text of the statement as code",
    "main_class": "a SQL statement has no class",
}
_PASSWORD_IN_URL = re.compile(r"\w+://[^/]*@")


def order_of(session: str, request: StatementRequest, settings: Settings, *, old: bool) -> Order:
    """The order in *request*; raises BadInput. ``old`` is the lenient door of the old contract."""
    _check_kind(request.kind)
    if not old:
        _check_fields(request)
        check_pool(request.pool, settings)
    return Order(
        session=session,
        kind=request.kind,
        code=request.code or "",
        pool=request.pool or DEFAULT_POOL,
        result_limit=request.result_limit,
        result_path=request.result_path,
        timeout_seconds=request.timeout_seconds,
        parameters=request.parameters,
        description=request.description,
        tags=request.tags or {},
        as_text=old,
    )


def _check_kind(kind: str) -> None:
    kinds = ", ".join(_RUNNABLE)
    if kind not in list(Kind):
        raise BadInput("kind", kind, f"there is no such kind of statement; this Libra runs {kinds}")
    if kind not in _RUNNABLE:
        raise BadInput("kind", kind, f"this version of Libra runs {kinds} only")


def _check_fields(request: StatementRequest) -> None:
    for name, value in (request.model_extra or {}).items():
        if value is not None:
            raise BadInput(name, _shown(value), "this version of Libra does not know the field")
    for name, advice in _NOT_FOR_SQL.items():
        if value := getattr(request, name):
            raise BadInput(to_camel(name), _shown(value), advice)
    if not (request.code and request.code.strip()):
        raise BadInput("code", request.code, "it must be the text of a statement")
    if _PASSWORD_IN_URL.match(request.result_path or ""):
        advice = "it carries credentials, and paths are kept; set them as a Spark property"
        raise BadInput("resultPath", MASK, advice)


def _shown(value: object) -> object:
    # Arguments and properties carry secrets, nested anyhow.
    return MASK if isinstance(value, dict | list) else value


def check_pool(pool: str | None, settings: Settings) -> None:
    """Raise BadInput for a pool that the settings do not have."""
    if pool and pool not in settings.pools:
        raise BadInput("pool", pool, f"the pools are {', '.join(settings.pools)}")
