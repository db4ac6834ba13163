"""The rows of a statement: an Arrow stream on disk, written by the host, read by the API.

The stream carries Spark's own schema (as JSON) in its metadata, under ``spark_schema``.
"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from libra_provider.server.results.to_json import json_values

_SCHEMA = b"spark_schema"


def path_of(folder: Path, job_id: str) -> Path:
    """Where the rows of *job_id* are."""
    return folder / f"{job_id}.arrow"


def write(path: Path, table: pa.Table, spark_schema: str) -> None:
    """Store *table* atomically."""
    table = table.replace_schema_metadata({_SCHEMA: spark_schema.encode()})
    unfinished = path.with_suffix(".part")
    with pa.OSFile(str(unfinished), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    unfinished.rename(path)


def page(path: Path, *, offset: int, limit: int) -> dict[str, Any]:
    """Rows *offset* to *offset + limit* as JSON values, with Spark's schema and the total."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        table = reader.read_all()
    shown = table.slice(offset, limit)
    size = max(0, min(limit, len(table) - offset))
    columns = [list(chain.from_iterable(map(json_values, each.chunks))) for each in shown.columns]
    return {
        "schema": json.loads((table.schema.metadata or {})[_SCHEMA]),
        "columns": table.schema.names,
        "rows": [list(row) for row in zip(*columns, strict=True)] if columns else [[]] * size,
        "offset": offset,
        "rowCount": len(table),
    }
