"""From a request to an order: what Libra takes, and through which door it came."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_camel

from libra_provider.core.errors import BadInput
from libra_provider.core.job import Kind
from libra_provider.core.masking import MASK
from libra_provider.core.paths import is_absolute
from libra_provider.core.properties import RESOURCES
from libra_provider.core.units import readable_size
from libra_provider.server.api.schemas.statements import StatementRequest
from libra_provider.server.files import permitted
from libra_provider.server.model.pools import DEFAULT_POOL
from libra_provider.server.model.statement import StatementSpec
from libra_provider.server.runners.job import IsolatedSpec, isolation
from libra_provider.server.settings import Settings

_log = logging.getLogger(__name__)
# What the shared driver runs, and what needs one of its own whatever it asks for.
_SHARED = (Kind.SQL, Kind.PYTHON, Kind.JAR_CLASS)
_ISOLATED = (Kind.JAR, Kind.PYTHON_FILE)
_NOT_FOR_ANY_SQL: Mapping[str, str] = {
    "args": "a SQL statement takes parameters",
    "file_path": "send the text of the statement as code",
    "main_class": "a SQL statement has no class",
}
_NOT_FOR_SQL: Mapping[str, str] = {
    "spark_config": "the shared driver has its properties already; use SET in the session, or say"
    " isolated",
    **_NOT_FOR_ANY_SQL,
}
_NOT_FOR_ANY_PYTHON: Mapping[str, str] = {"parameters": "only SQL takes them; send args"}
_NOT_FOR_PYTHON: Mapping[str, str] = {
    "spark_config": "the shared driver has its properties already; use spark.conf.set",
    "file_path": "send the text of the program as code",
    "main_class": "Python has no main class",
    **_NOT_FOR_ANY_PYTHON,
}
_PRINTS = "a main class returns no rows; have it print them, or write them"
_NOT_FOR_ANY_JAR: Mapping[str, str] = {
    "parameters": "only SQL takes them; send args",
    "result_limit": _PRINTS,
    "result_path": _PRINTS,
}
_NOT_FOR_MAIN_CLASSES: Mapping[str, str] = {
    "code": "what runs is a class of the JAR in filePath",
    "spark_config": "the shared driver has its properties already; say isolated",
    **_NOT_FOR_ANY_JAR,
}
_NOT_FOR_SHARED: Mapping[str, Mapping[str, str]] = {
    Kind.SQL: _NOT_FOR_SQL,
    Kind.PYTHON: _NOT_FOR_PYTHON,
    Kind.JAR_CLASS: _NOT_FOR_MAIN_CLASSES,
}
_NOT_FOR_OWN_DRIVERS: Mapping[str, Mapping[str, str]] = {
    Kind.SQL: _NOT_FOR_ANY_SQL,
    Kind.PYTHON: _NOT_FOR_ANY_PYTHON,
    Kind.PYTHON_FILE: _NOT_FOR_ANY_PYTHON,
    Kind.JAR: _NOT_FOR_ANY_JAR,
    Kind.JAR_CLASS: _NOT_FOR_ANY_JAR,
}
_FETCHED_BY_SPARK = ("s3a:", "hdfs:")
# Linux takes variables of 128 KiB in an environment.
_MOST_PARAMETERS = 64 * 1024
_PASSWORD_IN_URL = re.compile(r"\w+://[^/]*@")


def order_of(
    session: str, request: StatementRequest, settings: Settings, *, old: bool
) -> StatementSpec:
    """The order in *request*; raises BadInput. ``old`` is the lenient door of the old contract."""
    if request.kind not in list(Kind):
        kinds = ", ".join(Kind)
        raise BadInput("kind", request.kind, f"there is no such kind of statement; it is {kinds}")
    isolated = _is_isolated(request)
    if not old:
        tables = _NOT_FOR_OWN_DRIVERS if isolated else _NOT_FOR_SHARED
        _check_fields(request, tables[request.kind])
        check_pool(request.pool, settings)
    if isolated:
        own = _isolation(request, settings).fields()
    elif request.kind == Kind.JAR_CLASS:
        own = _main_class(request, settings)
    elif request.code and request.code.strip():
        own = {"args": tuple(request.args or ())} if request.kind == Kind.PYTHON else {}
    else:
        raise BadInput("code", request.code, "it has no code: send the text of a statement")
    return StatementSpec(
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
        **own,
    )


def _is_isolated(request: StatementRequest) -> bool:
    """Whether it gets a driver of its own; raises BadInput where it asks for both, or neither."""
    asks = _asks_for_own_driver(request)
    if request.kind in _ISOLATED:
        asks = asks or "this kind of statement"
    if asks and request.mode == "shared":
        raise BadInput("mode", "shared", f"{asks} needs a driver of its own; say isolated")
    if not asks and request.kind not in _SHARED:
        expected = f"on its shared driver, this Libra runs {', '.join(_SHARED)} only; say isolated"
        raise BadInput("kind", request.kind, expected)
    if asks and request.kind == Kind.JAR_CLASS:
        _log.warning("A jar-class statement runs ISOLATED, because of %s", asks)
    return bool(asks)


def _asks_for_own_driver(request: StatementRequest) -> str:
    """What in *request* only a driver of its own can give; empty if nothing does."""
    if request.mode == "isolated":
        return "mode isolated"
    if request.deploy_mode:
        return f"deployMode {request.deploy_mode}"
    if request.kind == Kind.SQL:
        return ""
    return next((key for key in RESOURCES if key in (request.spark_config or {})), "")


def _main_class(request: StatementRequest, settings: Settings) -> dict[str, Any]:
    if not request.file_path:
        raise BadInput("filePath", request.file_path, "it must name the JAR with the class")
    if not request.main_class:
        raise BadInput("mainClass", request.main_class, "it must name the class whose main is run")
    return {
        "file_path": permitted(request.file_path, settings.file_roots, parameter="filePath"),
        "main_class": request.main_class,
        "args": tuple(request.args or ()),
    }


def _isolation(request: StatementRequest, settings: Settings) -> IsolatedSpec:
    is_text = request.kind in (Kind.SQL, Kind.PYTHON)
    if is_text and not (request.code and request.code.strip()):
        raise BadInput("code", request.code, "it has no code: send the text of a statement")
    if not is_text and request.code:
        raise BadInput("code", MASK, "what runs is the file in filePath; leave it out")
    _check_room(request.parameters)
    _check_hand_in(request)
    return isolation(
        request.kind,
        settings=settings,
        deploy_mode=request.deploy_mode,
        spark_config=request.spark_config,
        file_path=request.file_path,
        main_class=request.main_class,
        args=tuple(request.args or ()),
    )


def _check_room(parameters: object) -> None:
    if (size := len(json.dumps(parameters))) > _MOST_PARAMETERS:
        most = readable_size(_MOST_PARAMETERS)
        advice = f"they are {readable_size(size)}, and a driver of its own is told {most} at most"
        raise BadInput("parameters", MASK, f"{advice}; put them into a table")


def _check_hand_in(request: StatementRequest) -> None:
    """What Spark fetches with the job's own credentials, our bootstrap cannot run."""
    path = request.file_path or ""
    if path.startswith(_FETCHED_BY_SPARK):
        for name in ("result_limit", "result_path"):
            if value := getattr(request, name):
                advice = f"a program at {path.partition(':')[0]}: returns nothing; have it write"
                raise BadInput(to_camel(name), value, advice)


def _check_fields(request: StatementRequest, not_for_it: Mapping[str, str]) -> None:
    for name, value in (request.model_extra or {}).items():
        if value is not None:
            raise BadInput(name, _shown(value), "this version of Libra does not know the field")
    for name, advice in not_for_it.items():
        if value := getattr(request, name):
            raise BadInput(to_camel(name), _shown(value), advice)
    check_result_path(request.result_path)


def check_result_path(path: str | None) -> None:
    """Raise BadInput for a path to which no rows can be written, or that tells a secret."""
    if _PASSWORD_IN_URL.match(path or ""):
        advice = "it carries credentials, and paths are kept; set them as a Spark property"
        raise BadInput("resultPath", MASK, advice)
    if path and not is_absolute(path):
        advice = "it must be a URL or an absolute path, such as s3a://bucket/folder"
        raise BadInput("resultPath", path, advice)


def _shown(value: object) -> object:
    # Arguments and properties carry secrets, nested anyhow.
    return MASK if isinstance(value, dict | list) else value


def check_pool(pool: str | None, settings: Settings) -> None:
    """Raise BadInput for a pool that the settings do not have."""
    if pool and pool not in settings.pools:
        raise BadInput("pool", pool, f"the pools are {', '.join(settings.pools)}")
