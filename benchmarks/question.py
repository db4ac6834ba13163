"""A query whose number of rows is known, and how to ask Libra or a SparkSession for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet
from pyspark.sql import SparkSession

from libra_provider.clients import libra, libra_result
from libra_provider.clients.call import Call
from libra_provider.clients.dialogue import Ask, Dialogue
from libra_provider.core.job import Kind, SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus

_WAIT = 60  # seconds


@dataclass(frozen=True, slots=True)
class Question:
    """*rows* is what tells an answer from a quick failure."""

    sql: str
    rows: int
    as_arrow: bool = False

    def of_session(self, spark: SparkSession) -> None:
        """Ask *spark*, in this process; raises RuntimeError for another number of rows."""
        self._check(spark.sql(self.sql).toArrow().num_rows)

    def of_libra(self) -> Dialogue[None]:
        """Submit, wait for the end, fetch the rows; raises RuntimeError, ServerError."""
        status: JobStatus = yield Ask(self._submission())
        if status.state is not JobState.SUCCEEDED:
            raise RuntimeError(f"{self.sql}: {status.state}, {status.detail}")
        if self.as_arrow:
            self._check((yield Ask(libra_result.arrow(status.job_id))).num_rows)
        else:
            self._check(len((yield Ask(libra_result.result(status.job_id))).rows))

    def _submission(self) -> Call[JobStatus]:
        limit = self.rows if self.as_arrow else None
        call = libra.submit(SparkJob(kind=Kind.SQL, code=self.sql, result_limit=limit), new_tag())
        return replace(call, headers={**call.headers, "Prefer": f"wait={_WAIT}"}, timeout=2 * _WAIT)

    def _check(self, found: int) -> None:
        if found != self.rows:
            raise RuntimeError(f"{self.sql}: {found} rows instead of {self.rows}")


def smallest() -> Question:
    """What costs nothing but the way to the answer."""
    return Question("SELECT 1", rows=1)


def aggregation(folder: Path) -> Question:
    """Groups of a few thousand rows, which are written to *folder* for it."""
    columns = {"bucket": [each % 16 for each in range(5000)], "value": range(5000)}
    parquet.write_table(pa.table(columns), folder / "small.parquet")
    sql = f"SELECT bucket, count(*), avg(value) FROM parquet.`{folder}/small.parquet` GROUP BY 1"
    return Question(sql, rows=16)
