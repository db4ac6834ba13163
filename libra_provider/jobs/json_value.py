"""Python's values in the types of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

LARGEST = 2**20  # bytes of JSON; what is larger belongs into a DataFrame


def json_text(value: Any) -> str:
    """*value* as JSON; raises TypeError when JSON's types do not say what it is."""
    return json.dumps(_plain(value), allow_nan=False)


def plain_float(value: float) -> float | str:
    """*value*, or its name: JSON has no NaN and no infinity. As in rows."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return _PLAIN[type(value)](value)
    kind = type(value)
    if (kind.__module__, kind.__name__) == ("pyspark.sql.types", "Row"):
        return _plain(value.asDict())
    if kind.__module__ in ("numpy", "pandas") and hasattr(value, "tolist"):
        return _plain(value.tolist())
    raise TypeError(f"JSON has no {kind.__name__}")


def _itself(value: Any) -> Any:
    return value


def _list(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [_plain(each) for each in value]


def _object(value: dict[Any, Any]) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in value):
        raise TypeError("the keys of a JSON object are texts")
    return {key: _plain(each) for key, each in value.items()}


_PLAIN: Mapping[type, Callable[[Any], Any]] = {
    type(None): _itself,
    str: _itself,
    bool: _itself,
    int: _itself,
    float: plain_float,
    Decimal: str,
    date: date.isoformat,
    datetime: datetime.isoformat,
    time: time.isoformat,
    list: _list,
    tuple: _list,
    dict: _object,
}
