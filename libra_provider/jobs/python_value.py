"""What the last expression of a statement is for whoever sent the statement."""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql.connect.session import SparkSession

VALUE_SIZE = 2**20  # bytes of JSON; what is larger belongs into a DataFrame
_REPR_SIZE = 2**16
_MIB = 2**20


class TooLarge(Exception):
    """The result has *what*; *way_out* is what may be done about it."""

    def __init__(self, what: str, way_out: str) -> None:
        super().__init__(what, way_out)
        self.what = what
        self.way_out = way_out


def answer_of(
    value: Any, spark: SparkSession, most_rows: int | None, most_bytes: int | None
) -> dict[str, Any]:
    """``rows``, the plan of a table; or ``value``, a JSON text; or neither, for None.

    Tables are Spark's, pandas' and Arrow's. Raises TooLarge.
    """
    if value is None:
        return {}
    if (frame := _frame(value, spark, most_rows, most_bytes)) is not None:
        plan = frame._plan.to_proto(spark.client).root  # noqa: SLF001 - it has no public name
        return {"rows": base64.b64encode(plan.SerializeToString()).decode()}
    text = _json(value)
    if len(text) > VALUE_SIZE:
        what = f"{len(text) / _MIB:.1f} MiB as JSON, more than 1 MiB"
        raise TooLarge(what, "make a DataFrame of it")
    return {"value": text}


def _frame(
    value: Any, spark: SparkSession, most_rows: int | None, most_bytes: int | None
) -> Any | None:
    if isinstance(value, DataFrame):
        return value
    for module, name, size_of in _TABLES:
        # Whoever has a value of a library has imported it.
        kind = getattr(sys.modules.get(module), name, None)
        if kind is None or not isinstance(value, kind):
            continue
        if most_rows is not None and len(value) > most_rows:
            what = f"more than resultLimit={most_rows} rows"
            raise TooLarge(what, "ask for more with resultLimit")
        if most_bytes is not None and size_of(value) > most_bytes:
            what = f"more than {most_bytes / _MIB:g} MiB"
            raise TooLarge(what, "resultLimit is no help here, but fewer or narrower rows are")
        return spark.createDataFrame(value)
    return None


_TABLES: tuple[tuple[str, str, Callable[[Any], int]], ...] = (
    ("pandas", "DataFrame", lambda table: int(table.memory_usage(index=False).sum())),
    ("pyarrow", "Table", lambda table: int(table.nbytes)),
)


def _json(value: Any) -> str:
    try:
        return json.dumps(_plain(value), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        said = repr(value)
        return json.dumps(said if len(said) <= _REPR_SIZE else said[:_REPR_SIZE] + "…")


def _plain(value: Any) -> Any:
    """*value* in the types of JSON; raises TypeError when they do not say what it is."""
    if isinstance(value, Row):
        return _plain(value.asDict())
    if type(value) in _PLAIN:
        return _PLAIN[type(value)](value)
    if type(value).__module__ in ("numpy", "pandas") and hasattr(value, "tolist"):
        return _plain(value.tolist())
    raise TypeError


def _itself(value: Any) -> Any:
    return value


def _float(value: float) -> float | str:
    # As in rows: JSON has no NaN and no infinity.
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _list(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [_plain(each) for each in value]


def _object(value: dict[Any, Any]) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in value):
        raise TypeError
    return {key: _plain(each) for key, each in value.items()}


_PLAIN: Mapping[type, Callable[[Any], Any]] = {
    type(None): _itself,
    str: _itself,
    bool: _itself,
    int: _itself,
    float: _float,
    Decimal: str,
    date: date.isoformat,
    datetime: datetime.isoformat,
    time: time.isoformat,
    list: _list,
    tuple: _list,
    dict: _object,
}
