"""Rows of JSON as Arrow: the inverse of :mod:`libra_provider.server.results.to_json`.

A moment is the number that Arrow keeps, because Spark's years go beyond Python's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from libra_provider.core.errors import BadInput

Reader = Callable[[Any], Any]
_DAY = 24 * 3600 * 10**6
_DECIMAL = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
_DATE = re.compile(r"\+?(-?\d{4,6}-\d\d-\d\d)")
_MOMENT = re.compile(r"\+?(-?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:\+00:00)?")
_DURATION = re.compile(r"(-?)P(\d+)DT(\d+)\.(\d{6})S")
_WRONG = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)


def table_of(schema: Mapping[str, Any], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """*rows* as Spark's *schema* has them; raises BadInput for values of another type."""
    try:
        names = [field["name"] for field in schema["fields"]]
        kinds = [_kind(field["type"]) for field in schema["fields"]]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
        if len(columns) != len(kinds):
            raise ValueError(f"{len(columns)} values in a row of {len(kinds)} columns")
        arrays = [
            pa.array([read(value) for value in column], type=kind)
            for column, (kind, read) in zip(columns, kinds, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=names)
    except (*_WRONG, pa.ArrowException) as error:
        advice = f"rows must match the schema ({error!r})"
        raise BadInput("body", "a result as JSON", advice) from error


def _kind(data_type: Any) -> tuple[pa.DataType, Reader]:
    """Arrow's type for Spark's *data_type*, and how its values are read from JSON."""
    if not isinstance(data_type, str):
        return _NESTED[data_type["type"]](data_type)
    if found := _DECIMAL.fullmatch(data_type):
        return pa.decimal128(int(found[1]), int(found[2])), _or_none(Decimal)
    name = data_type.partition("(")[0]
    if name.startswith("interval ") and not name.startswith(("interval year", "interval month")):
        return pa.duration("us"), _or_none(_duration)
    kind, read = _SIMPLE.get(name, (pa.string(), _itself))
    return kind, _or_none(read)


def _or_none(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _itself(value: Any) -> Any:
    return value


def _integer(value: Any) -> int:
    # Arrow would cut what is behind the point.
    if type(value) is not int:
        raise TypeError(value)
    return value


def _days(text: str) -> int:
    return int(np.datetime64(_matched(_DATE, text), "D").astype(np.int64))


def _micros(text: str) -> int:
    return int(np.datetime64(_matched(_MOMENT, text), "us").astype(np.int64))


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if (found := pattern.fullmatch(text)) is None:
        raise ValueError(text)
    return found[1]


def _duration(text: str) -> int:
    if (found := _DURATION.fullmatch(text)) is None:
        raise ValueError(text)
    sign, days, seconds, micros = found.groups()
    span = int(days) * _DAY + int(seconds) * 10**6 + int(micros)
    return -span if sign else span


def _binary(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _array(data_type: Mapping[str, Any]) -> tuple[pa.DataType, Reader]:
    kind, read = _kind(data_type["elementType"])
    return pa.list_(kind), _or_none(lambda values: [read(each) for each in values])


def _map(data_type: Mapping[str, Any]) -> tuple[pa.DataType, Reader]:
    (key, read_key), (item, read_item) = _kind(data_type["keyType"]), _kind(data_type["valueType"])
    read = _or_none(lambda pairs: [(read_key(k), read_item(v)) for k, v in pairs])
    return pa.map_(key, item), read


def _struct(data_type: Mapping[str, Any]) -> tuple[pa.DataType, Reader]:
    kinds = {field["name"]: _kind(field["type"]) for field in data_type["fields"]}
    struct = pa.struct([(name, kind) for name, (kind, _) in kinds.items()])

    def read(fields: Mapping[str, Any]) -> dict[str, Any]:
        return {name: kinds[name][1](value) for name, value in fields.items()}

    return struct, _or_none(read)


def _user_defined(data_type: Mapping[str, Any]) -> tuple[pa.DataType, Reader]:
    return _kind(data_type["sqlType"])


# What is not here is text: Arrow's readers agree on no type for it.
_SIMPLE: Mapping[str, tuple[pa.DataType, Reader]] = {
    "void": (pa.null(), _itself),
    "boolean": (pa.bool_(), _itself),
    "byte": (pa.int8(), _integer),
    "short": (pa.int16(), _integer),
    "integer": (pa.int32(), _integer),
    "long": (pa.int64(), _integer),
    # "NaN" and "Infinity" are texts in JSON.
    "float": (pa.float32(), float),
    "double": (pa.float64(), float),
    "date": (pa.date32(), _days),
    "time": (pa.time64("ns"), time.fromisoformat),
    "timestamp": (pa.timestamp("us", "UTC"), _micros),
    "timestamp_ntz": (pa.timestamp("us"), _micros),
    "binary": (pa.binary(), _binary),
}
_NESTED: Mapping[str, Callable[[Mapping[str, Any]], tuple[pa.DataType, Reader]]] = {
    "array": _array,
    "map": _map,
    "struct": _struct,
    "udt": _user_defined,
}
