"""Python values converted to the types of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

LARGEST = 2**20  # bytes of JSON; larger values belong in a DataFrame


def json_text(value: Any) -> str:
    """Return *value* as JSON; raises TypeError if JSON's types cannot represent it."""
    return json.dumps(_plain(value), allow_nan=False)


def plain_float(value: float) -> float | str:
    """Return *value*, or its name, as in rows: JSON has no NaN and no infinity."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return _PLAIN[kind](value)
    if (kind.__module__, kind.__name__) == ("pyspark.sql.types", "Row"):
        return _plain(value.asDict())
    if kind.__module__.partition(".")[0] in ("numpy", "pandas") and hasattr(value, "tolist"):
        return _plain(_with_moments(value).tolist())
    # As json.dumps does: a Counter is a dict, a named tuple a tuple, a StrEnum a string.
    if base := next((each for each in kind.__mro__ if each in _PLAIN), None):
        return _PLAIN[base](value)
    raise TypeError(f"JSON has no type for {kind.__name__}")


def _with_moments(value: Any) -> Any:
    """Return *value* so that ``tolist()`` does not turn timestamps into integers."""
    name = str(value.dtype)
    is_finer_than_python = name in ("datetime64[ns]", "timedelta64[ns]")
    return value.astype(name.replace("[ns]", "[us]")) if is_finer_than_python else value


def _moment(value: date | time) -> str:
    return value.isoformat()


def _itself(value: Any) -> Any:
    return value


def _list(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [_plain(each) for each in value]


def _object(value: dict[Any, Any]) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in value):
        raise TypeError("the keys of a JSON object are strings")
    return {key: _plain(each) for key, each in value.items()}


_PLAIN: Mapping[type, Callable[[Any], Any]] = {
    type(None): _itself,
    str: _itself,
    bool: _itself,
    int: _itself,
    float: plain_float,
    Decimal: str,
    date: _moment,
    datetime: _moment,
    time: _moment,
    list: _list,
    tuple: _list,
    dict: _object,
}
