"""The rows of a statement: an Arrow stream on disk, written by the host, read by the API.

The stream carries Spark's own schema (as JSON) in its metadata, under ``spark_schema``.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

_SCHEMA = b"spark_schema"


def path_of(folder: Path, job_id: str) -> Path:
    """Where the rows of *job_id* are."""
    return folder / f"{job_id}.arrow"


def write(path: Path, table: pa.Table, spark_schema: str) -> None:
    """Store *table*; nobody ever sees half of it."""
    table = table.replace_schema_metadata({_SCHEMA: spark_schema.encode()})
    unfinished = path.with_suffix(".part")
    with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    unfinished.rename(path)


def page(path: Path, *, offset: int, limit: int) -> dict[str, Any]:
    """Rows *offset* to *offset + limit* as JSON values, with Spark's schema and the total."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        table = reader.read_all()
    columns = [
        [json_value(value) for value in column.to_pylist()]
        for column in table.slice(offset, limit).columns
    ]
    rows = len(table.slice(offset, limit))
    return {
        "schema": json.loads((table.schema.metadata or {})[_SCHEMA]),
        "columns": table.schema.names,
        "rows": [list(row) for row in zip(*columns, strict=True)] if columns else [[]] * rows,
        "offset": offset,
        "rowCount": len(table),
    }


def json_value(value: Any) -> Any:
    """*value* as JSON says it best: exact numbers and moments as text, binary as base64."""
    return _AS_JSON.get(type(value), _itself)(value)


def _itself(value: Any) -> Any:
    return value


def _float(value: float) -> float | str:
    # JSON has no NaN and no infinity; Spark's JSON writer spells them this way.
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _iso(value: datetime | date | time) -> str:
    return value.isoformat()


def _duration(value: timedelta) -> str:
    sign = "-" if value < timedelta() else ""
    span = abs(value)
    return f"{sign}P{span.days}DT{span.seconds}.{span.microseconds:06d}S"


def _binary(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _sequence(value: list[Any]) -> list[Any]:
    return [json_value(each) for each in value]


def _struct(value: dict[str, Any]) -> dict[str, Any]:
    return {name: json_value(each) for name, each in value.items()}


def _pair(value: tuple[Any, Any]) -> list[Any]:
    return [json_value(each) for each in value]


_AS_JSON: Mapping[type, Callable[[Any], Any]] = {
    float: _float,
    Decimal: str,
    datetime: _iso,
    date: _iso,
    time: _iso,
    timedelta: _duration,
    bytes: _binary,
    list: _sequence,
    dict: _struct,
    tuple: _pair,  # Arrow gives a map as its pairs, whose keys may be anything
}
