"""The rows of a DataFrame as bytes to upload: Arrow if pyarrow is installed, else JSON."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pyspark.sql import DataFrame

from libra_provider.jobs.columns import (
    NOT_IN_ARROW,
    with_text,
    with_typed_elements,
    with_unique_names,
)
from libra_provider.jobs.json_rows import json_rows

ARROW, JSON = "application/vnd.apache.arrow.stream", "application/json"
_SCHEMA = b"spark_schema"


class Body(NamedTuple):
    """The body of an upload, and the number of its rows."""

    content_type: str
    content: bytes
    rows: int


def body_of(frame: DataFrame, most: int) -> Body:
    """Return the rows of *frame*, at most *most* + 1: the last one shows that there are more."""
    frame = with_text(frame, NOT_IN_ARROW)
    limited = with_unique_names(with_typed_elements(frame)).limit(most + 1)
    if not frame.columns:
        return _as_json(frame, [])
    if (table := _table(limited)) is not None:
        return _as_arrow(frame, table)
    return _as_json(frame, json_rows(limited.collect(), limited.schema))


def _table(frame: Any) -> Any | None:
    """Return *frame* as an Arrow table, or None without a pyarrow that Spark can use."""
    if not hasattr(frame, "toArrow"):
        return None
    try:
        return frame.toArrow()
    except ImportError:
        return None


def _as_arrow(frame: DataFrame, table: Any) -> Body:
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no types, and may be missing

    named = table.rename_columns(frame.columns)
    named = named.replace_schema_metadata({_SCHEMA: frame.schema.json().encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, named.schema) as writer:
        writer.write_table(named)
    return Body(ARROW, sink.getvalue().to_pybytes(), named.num_rows)


def _as_json(frame: DataFrame, rows: list[Any]) -> Body:
    text = json.dumps({"schema": json.loads(frame.schema.json()), "rows": rows}, allow_nan=False)
    return Body(JSON, text.encode(), len(rows))
