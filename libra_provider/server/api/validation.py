"""From a request to the statement that Libra accepts; behind it, nothing is validated again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from libra_provider.core.errors import BadInput
from libra_provider.core.field_rules import (
    check_at_libra,
    check_fields,
    check_mode,
    check_required,
    check_result_path,
    check_word,
    why_isolated,
)
from libra_provider.core.kinds import JARS, TEXTS, Kind, Mode
from libra_provider.core.masking import MASK
from libra_provider.server.api.schemas.statements import StatementRequest
from libra_provider.server.files import permitted
from libra_provider.server.model.pools import DEFAULT_POOL
from libra_provider.server.model.statement import StatementSpec
from libra_provider.server.runners.job import completed
from libra_provider.server.settings import Settings

_log = logging.getLogger(__name__)
# SparkJob's names → the API's. A pool is not among them: on a dedicated driver it means nothing.
FIELDS = {
    "code": "code",
    "application": "filePath",
    "application_args": "args",
    "java_class": "mainClass",
    "parameters": "parameters",
    "conf": "sparkConfig",
    "mode": "mode",
    "deploy_mode": "deployMode",
    "result_limit": "resultLimit",
    "result_path": "resultPath",
    "timeout": "timeoutSeconds",
}


def spec_of(
    session: str, request: StatementRequest, settings: Settings, *, old: bool
) -> StatementSpec:
    """The statement in *request*; raises BadInput.

    ``old``: by the old API, which ignores fields that do not go with the kind.
    """
    check_word("kind", request.kind, Kind)
    kind, given = Kind(request.kind), _given(request)
    mode = Mode.ISOLATED if request.deploy_mode and not request.mode else request.mode
    isolated = why_isolated(kind, mode, request.spark_config or {})
    check_mode(kind, mode, isolated, FIELDS)
    if not old:
        _check_unknown(request)
        check_fields(kind, given, FIELDS)
        check_at_libra(kind, given, isolated, FIELDS)
        check_result_path(request.result_path, FIELDS)
        check_pool(request.pool, settings)
    check_required(kind, given, FIELDS)
    spec = _spec(session, kind, request, as_text=old)
    if isolated:
        if kind is Kind.JAR_CLASS:
            _log.warning("A jar-class statement runs ISOLATED, because of %s", isolated)
        return completed(spec, settings, given=request.spark_config or {})
    if path := spec.file_path:
        path = permitted(path, settings.file_roots, parameter="filePath")
    return replace(spec, file_path=path)


def check_pool(pool: str | None, settings: Settings) -> None:
    """Raise BadInput for a pool that the settings do not have."""
    if pool:
        check_word("pool", pool, settings.pools)


def _given(request: StatementRequest) -> Mapping[str, object]:
    values = request.model_dump(by_alias=True)
    return {name: values[field] for name, field in FIELDS.items()}


def _check_unknown(request: StatementRequest) -> None:
    for name, value in (request.model_extra or {}).items():
        if value is not None:
            # Arguments and properties carry secrets, however they are nested.
            shown = MASK if isinstance(value, dict | list) else value
            raise BadInput(name, shown, "this version of Libra does not know the field")


def _spec(session: str, kind: Kind, request: StatementRequest, *, as_text: bool) -> StatementSpec:
    """What *request* says, without the fields that its kind does not have."""
    return StatementSpec(
        session=session,
        kind=kind,
        code=(request.code or "") if kind in TEXTS else "",
        file_path=None if kind in TEXTS else request.file_path,
        main_class=request.main_class if kind in JARS else None,
        args=() if kind is Kind.SQL else tuple(request.args or ()),
        pool=request.pool or DEFAULT_POOL,
        result_limit=request.result_limit,
        result_path=request.result_path,
        timeout_seconds=request.timeout_seconds,
        parameters=request.parameters,
        description=request.description,
        tags=request.tags or {},
        deploy_mode=request.deploy_mode,
        as_text=as_text,
    )
