"""The rows of a statement as a client gets them: in its answer, as a page, as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from libra_provider.core.units import MIB
from libra_provider.server.api.schemas.results import ResultBody, ValueBody, WrittenBody
from libra_provider.server.errors import NoResult
from libra_provider.server.model.statement import State, Statement
from libra_provider.server.results import store

# What comes with a status: as much as a page has, if it is cheap to make.
_SMALL_ROWS = 1000
_SMALL_BYTES = MIB


def small(folder: Path, statement: Statement) -> ResultBody | ValueBody | None:
    """All rows, where there are few and they are here, or the value; else None."""
    if found := value(statement):
        return found
    if (
        statement.state is not State.SUCCESS
        or statement.result_uri is not None
        or (statement.row_count is None or statement.row_count > _SMALL_ROWS)
        or (statement.result_bytes or 0) > _SMALL_BYTES
    ):
        return None
    try:
        return page(folder, statement, offset=0, limit=_SMALL_ROWS)
    except NoResult:
        return None


def page(folder: Path, statement: Statement, *, offset: int, limit: int) -> ResultBody:
    """Rows *offset* to *offset + limit*; raises NoResult."""
    path = file(folder, statement)
    try:
        found = store.page(path, offset=offset, limit=limit)
    except (OSError, pa.ArrowInvalid) as error:
        raise _unreadable(statement, str(error)) from error
    schema = found.pop("schema")
    return ResultBody(job_id=statement.job_id, spark_schema=schema, **found)


def file(folder: Path, statement: Statement) -> Path:
    """The Arrow stream of an ended statement; raises NoResult."""
    job_id = statement.job_id
    if statement.state is not State.SUCCESS:
        why = statement.error or "it is not over; ask again later"
        raise NoResult(f"Statement {job_id} is {statement.state}: {why}", job_id)
    if statement.text is not None:
        sentence = f"Statement {job_id} returned a string; submit it with Prefer to get rows."
        raise NoResult(sentence, job_id)
    path = store.path_of(folder, job_id)
    if not path.is_file():
        raise _unreadable(statement, "the file is gone")
    return path


def value(statement: Statement) -> ValueBody | None:
    """What an ended statement came to, if that is no table."""
    has_rows = statement.row_count is not None or statement.result_uri is not None
    if statement.state is not State.SUCCESS or has_rows or statement.text is not None:
        return None
    return ValueBody(job_id=statement.job_id, value=json.loads(statement.value or "null"))


def written(statement: Statement) -> WrittenBody:
    """Where a statement with ``resultPath`` left its rows."""
    schema = statement.result_schema
    return WrittenBody(
        job_id=statement.job_id,
        uri=statement.result_uri or "",
        row_count=statement.row_count,
        bytes=statement.result_bytes,
        spark_schema=json.loads(schema) if schema else None,
    )


def _unreadable(statement: Statement, why: str) -> NoResult:
    job_id = statement.job_id
    sentence = f"The rows of {job_id} are no longer readable on Libra's disk ({why}); run it again."
    return NoResult(sentence, job_id)
