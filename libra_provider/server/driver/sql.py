"""Run one SQL statement on a session of the shared driver."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import CalendarIntervalType, DataType, VariantType, YearMonthIntervalType

from libra_provider.core.units import readable_size
from libra_provider.server import results
from libra_provider.server.driver.messages import Ended, Run

_TEXT_ROWS = 20
# Arrow has no type for these that clients could read; their text is exact.
_AS_TEXT: tuple[type[DataType], ...] = (YearMonthIntervalType, CalendarIntervalType, VariantType)


def run(spark: SparkSession, order: Run, folder: Path) -> Ended:
    """How the statement ended; its rows, if it has any to give, are in *folder* by then.

    Spark's own errors pass through.
    """
    # A method of py4j takes no Mapping; Run promises the plain list or dict of its JSON.
    frame = spark.sql(order.code, args=order.parameters)  # type: ignore[arg-type]
    return _text(frame, order) if order.as_text else _rows(frame, order, folder)


def _rows(frame: DataFrame, order: Run, folder: Path) -> Ended:
    frame = _readable(frame)
    table = frame.limit(order.result_limit + 1).toArrow()
    if table.num_rows > order.result_limit:
        return _too_large(order, f"more than resultLimit={order.result_limit} rows")
    if table.nbytes > order.result_max_bytes:
        return _too_large(order, f"more than {readable_size(order.result_max_bytes)}")
    results.write(results.path_of(folder, order.job_id), table, frame.schema.json())
    return Ended(
        job_id=order.job_id, state="SUCCESS", row_count=table.num_rows, result_bytes=table.nbytes
    )


def _readable(frame: DataFrame) -> DataFrame:
    types = [field.dataType for field in frame.schema]
    if not any(isinstance(each, _AS_TEXT) for each in types):
        return frame
    # By position: a query may give two columns the same name.
    names = [f"c{position}" for position in range(len(types))]
    columns = frame.toDF(*names)
    casts = (
        columns[name].cast("string") if isinstance(each, _AS_TEXT) else columns[name]
        for name, each in zip(names, types, strict=True)
    )
    return columns.select(*casts).toDF(*frame.columns)


def _too_large(order: Run, what: str) -> Ended:
    return Ended(
        job_id=order.job_id,
        state="FAILED",
        error=f"The result has {what}; ask for more with resultLimit, or have it written to"
        " storage with resultPath.",
        error_class="LIBRA_RESULT_TOO_LARGE",
    )


def _text(frame: DataFrame, order: Run) -> Ended:
    # Java's own text of a row is what the old contract's clients know.
    rows = [row.toString() for row in frame._jdf.limit(_TEXT_ROWS + 1).collectAsList()]  # noqa: SLF001
    shown = rows[:_TEXT_ROWS]
    if len(rows) > _TEXT_ROWS:
        total = frame.count()
        last = f"... showing {_TEXT_ROWS} of {total} rows"
    else:
        total, last = len(rows), f"Total rows: {len(rows)}"
    text = "\n".join([f"Schema: {frame.schema.simpleString()}", *shown, last])
    return Ended(job_id=order.job_id, state="SUCCESS", row_count=total, text=text)
