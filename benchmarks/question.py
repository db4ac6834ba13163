"""A query whose number of rows is known, and how to ask Libra or a SparkSession for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet
from pyspark.sql import SparkSession

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.libra import results, run
from libra_provider.clients.libra.contract import Contract
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.kinds import Kind
from libra_provider.core.polling import Outcome


@dataclass(frozen=True, slots=True)
class Question:
    """*rows* distinguish a response from a quick failure."""

    sql: str
    rows: int
    as_arrow: bool = False

    def of_session(self, spark: SparkSession) -> None:
        """Ask *spark*, in this process; raises RuntimeError for another number of rows."""
        self._check(spark.sql(self.sql).toArrow().num_rows)

    def of_libra(self, contract: Contract) -> Dialogue[None]:
        """Ask as LibraHook.run does; raises RuntimeError for another number of rows, JobError."""
        limit = self.rows if self.as_arrow else None
        job = SparkJob(kind=Kind.SQL, code=self.sql, result_limit=limit)
        if self.as_arrow:
            status = (yield from run.run_to_end(contract, job, new_tag())).status
            job_id = Outcome(status).raise_for_state().job_id
            self._check((yield Ask(results.arrow(job_id))).num_rows)
        else:
            rows: Any = (yield from run.run(contract, job, new_tag())).as_python()
            self._check(len(rows))

    def _check(self, found: int) -> None:
        if found != self.rows:
            raise RuntimeError(f"{self.sql}: {found} rows instead of {self.rows}")


def smallest() -> Question:
    """A query that costs nothing but the round trip."""
    return Question("SELECT 1", rows=1)


def aggregation(folder: Path) -> Question:
    """Groups of a few thousand rows, which are written to *folder* for it."""
    columns = {"bucket": [each % 16 for each in range(5000)], "value": range(5000)}
    parquet.write_table(pa.table(columns), folder / "small.parquet")
    sql = f"SELECT bucket, count(*), avg(value) FROM parquet.`{folder}/small.parquet` GROUP BY 1"
    return Question(sql, rows=16)
