"""The value of a statement's last expression, in the form in which it is returned."""

from __future__ import annotations

import base64
import json
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.connect.session import SparkSession

from libra_provider.jobs.json_values import LARGEST, json_text
from libra_provider.jobs.tables import size_of

_REPR_SIZE = 2**16
_MIB = 2**20


class ValueTooLarge(Exception):
    """The result has *what*; *way_out* is what to do about it.

    For a table, *rows* or *size* (bytes) is the number that is too large.
    """

    def __init__(
        self, what: str, way_out: str, *, rows: int | None = None, size: int | None = None
    ) -> None:
        super().__init__(what, way_out)
        self.what = what
        self.way_out = way_out
        self.rows = rows
        self.size = size


def answer_of(
    value: Any, spark: SparkSession, most_rows: int | None, most_bytes: int | None
) -> dict[str, Any]:
    """Return ``rows``, the plan of a table; or ``value``, as JSON; or neither, for None.

    Tables are Spark's, pandas' and Arrow's. Raises ValueTooLarge.
    """
    if value is None:
        return {}
    if (frame := _frame(value, spark, most_rows, most_bytes)) is not None:
        plan = frame._plan.to_proto(spark.client).root  # noqa: SLF001 - it has no public name
        return {"rows": base64.b64encode(plan.SerializeToString()).decode()}
    text = _json(value)
    if len(text) > LARGEST:
        what = f"{len(text) / _MIB:.1f} MiB as JSON, more than 1 MiB"
        raise ValueTooLarge(what, "return a DataFrame instead")
    return {"value": text}


def _frame(
    value: Any, spark: SparkSession, most_rows: int | None, most_bytes: int | None
) -> Any | None:
    if isinstance(value, DataFrame):
        return value
    if (size := size_of(value)) is None:
        return None
    if most_rows is not None and size.rows > most_rows:
        what = f"more than resultLimit={most_rows} rows"
        raise ValueTooLarge(what, "raise resultLimit", rows=size.rows)
    if most_bytes is not None and size.memory > most_bytes:
        what = f"more than {most_bytes / _MIB:g} MiB"
        way_out = "return fewer or narrower rows (resultLimit does not change it)"
        raise ValueTooLarge(what, way_out, size=size.memory)
    return spark.createDataFrame(value)


def _json(value: Any) -> str:
    try:
        return json_text(value)
    except (TypeError, ValueError, RecursionError):
        text = repr(value)
        return json.dumps(text if len(text) <= _REPR_SIZE else text[:_REPR_SIZE] + "…")
