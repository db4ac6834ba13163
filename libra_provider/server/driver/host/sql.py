"""Run one SQL statement on a session of the shared driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]  # py4j has no types
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.classic.dataframe import DataFrame as ClassicFrame

from libra_provider.core.errors import RESULT_TOO_LARGE
from libra_provider.core.units import readable_size
from libra_provider.jobs import parquet
from libra_provider.jobs.columns import (
    NOT_IN_ARROW,
    with_text,
    with_typed_elements,
    with_unique_names,
)
from libra_provider.jobs.parameters import bound
from libra_provider.server.driver.host.result_guard import ResultGuard
from libra_provider.server.driver.messages import RunStatement, StatementEnded, too_large
from libra_provider.server.results import store

_TEXT_ROWS = 20
# The property is in Spark's own sentence: there is no error class for it.
_BURST = (RESULT_TOO_LARGE, "spark.driver.maxResultSize")


class SqlRunner:
    """Runs statements; their rows are written to *folder*, within the limits of *room*."""

    def __init__(self, folder: Path, room: ResultGuard) -> None:
        self._folder = folder
        self._room = room

    def run(
        self, session: SparkSession, statement: RunStatement, *, go_on: Callable[[], None]
    ) -> StatementEnded:
        """Run the statement and return how it ended; raises Spark's errors.

        *go_on* is called between the steps, and may raise.
        """
        go_on()
        frame = _frame(session, statement)
        go_on()
        return self.answer(frame, statement)

    def answer(self, frame: DataFrame, statement: RunStatement) -> StatementEnded:
        """Return the end of a statement with the result *frame*; raises Spark's errors."""
        try:
            if statement.as_text:
                return _text(frame, statement)
            if statement.result_path and frame.columns:
                return _written(frame, statement, statement.result_path)
            return self._rows(frame, statement)
        except (PySparkException, Py4JJavaError) as error:
            if not any(each in str(error) for each in _BURST):
                raise
            return self._too_many_bytes(statement)

    def _rows(self, frame: DataFrame, statement: RunStatement) -> StatementEnded:
        frame = with_text(frame, NOT_IN_ARROW)
        most = min(statement.result_max_bytes, self._room.most)
        named = with_unique_names(with_typed_elements(frame))
        table = self._room.collect(named, rows=statement.result_limit, most=most)
        if table.num_rows > statement.result_limit:
            what = f"more than resultLimit={statement.result_limit} rows"
            way_out = "raise resultLimit"
            return too_large(statement, what, way_out, rows=table.num_rows)
        if table.nbytes > most:
            return self._too_many_bytes(statement, table.nbytes)
        table = table.rename_columns(frame.columns)
        store.write(store.path_of(self._folder, statement.job_id), table, frame.schema.json())
        return StatementEnded(
            job_id=statement.job_id,
            state="SUCCESS",
            row_count=table.num_rows,
            result_bytes=table.nbytes,
        )

    def _too_many_bytes(self, statement: RunStatement, size: int = 0) -> StatementEnded:
        most = min(statement.result_max_bytes, self._room.most)
        what = f"more than {readable_size(most)}"
        if statement.result_max_bytes > self._room.most:
            what += ", the limit of this driver's memory"
        way_out = "return fewer or narrower rows (resultLimit does not change it)"
        return too_large(statement, what, way_out, size=max(size, most))


def _frame(session: SparkSession, statement: RunStatement) -> DataFrame:
    if statement.parameters:
        # py4j takes no other Mapping than the plain dict of the JSON that the message came in.
        return session.sql(statement.code, args=bound(session, statement.parameters))
    # Without parameters, pyspark would call the JVM five times instead of once.
    java: Any = session._jsparkSession  # noqa: SLF001
    return ClassicFrame(java.sql(statement.code), session)


def _written(frame: DataFrame, statement: RunStatement, path: str) -> StatementEnded:
    found = parquet.write(frame, path, parameter="resultPath")
    return StatementEnded(
        job_id=statement.job_id,
        state="SUCCESS",
        row_count=found.row_count,
        result_bytes=found.size,
        result_uri=found.uri,
        result_schema=found.schema,
    )


def _text(frame: DataFrame, statement: RunStatement) -> StatementEnded:
    # Clients of the old API expect Java's text of a row.
    rows = [row.toString() for row in frame._jdf.limit(_TEXT_ROWS + 1).collectAsList()]  # noqa: SLF001
    shown = rows[:_TEXT_ROWS]
    if len(rows) > _TEXT_ROWS:
        total = frame.count()
        last = f"... showing {_TEXT_ROWS} of {total} rows"
    else:
        total, last = len(rows), f"Total rows: {len(rows)}"
    text = "\n".join([f"Schema: {frame.schema.simpleString()}", *shown, last])
    return StatementEnded(job_id=statement.job_id, state="SUCCESS", row_count=total, text=text)
