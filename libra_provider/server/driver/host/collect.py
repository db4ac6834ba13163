"""Fetches the rows of a frame from the JVM as Arrow, and stops at a limit."""

from __future__ import annotations

from typing import IO, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyspark.errors.exceptions.captured import unwrap_spark_exception
from pyspark.serializers import Serializer, read_int
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType
from pyspark.util import _load_from_socket

_GROUP = "spark.jobGroup.id"


def collected(frame: DataFrame, schema: StructType, *, rows: int, size: int) -> pa.Table:
    """Return all rows of *frame*, or slightly more than *rows* rows or *size* bytes of them.

    ``toArrow()`` has no limit, and calls the JVM twice as often, also for *schema*, which costs
    more than the rest of a small statement.
    """
    java: Any = frame._jdf  # noqa: SLF001  # as toArrow() does
    port, secret, server = java.collectAsArrowToPython()
    taking = _Taking(
        to_arrow_schema(schema, error_on_duplicated_field_names_in_struct=True, timezone="UTC"),
        rows,
        size,
    )
    try:
        with _load_from_socket((port, secret), taking) as tables:
            return pa.concat_tables(tables)
    finally:
        if taking.is_enough:
            _stop(frame)
        else:
            with unwrap_spark_exception():
                server.getResult()


def _stop(frame: DataFrame) -> None:
    # Spark notices the closed socket only when the next task ends, and does not stop the others.
    context = frame.sparkSession.sparkContext
    if group := context.getLocalProperty(_GROUP):
        context.cancelJobGroup(group)


def _number(stream: IO[bytes]) -> int:
    return int(read_int(stream))  # type: ignore[no-untyped-call]  # pyspark gives it no types


class _Taking(Serializer):
    """Reads tables of *schema* up to the end, or beyond *rows* rows or *size* bytes."""

    def __init__(self, schema: pa.Schema, rows: int, size: int) -> None:
        self._schema, self._rows, self._size = schema, rows, size
        self.is_enough = False

    def load_stream(self, stream: IO[bytes]) -> list[pa.Table]:
        """Return the tables, in the order of the rows if all are read."""
        tables = []
        for batch in pa.ipc.open_stream(stream):
            tables.append(self._taken(batch))
            if self.is_enough:
                return tables
        # They come as their tasks end; then their positions, or -1 if the job has failed.
        places = [_number(stream) for _ in range(_number(stream))]
        return [tables[place] for place in places] or [self._schema.empty_table()]

    def _taken(self, batch: pa.RecordBatch) -> pa.Table:
        table = pa.Table.from_batches([batch]).cast(self._schema)
        self._rows -= table.num_rows
        self._size -= table.nbytes
        self.is_enough = self._rows < 0 or self._size < 0
        return table
