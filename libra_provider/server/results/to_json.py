"""Arrow's values as JSON: exact numbers and timestamps as strings, binary values as base64.

A map is a list of its pairs, because its keys may be anything. Spark's years go beyond Python's:
such a moment has as many digits as it needs, and a sign, as ISO 8601 has it.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyarrow import types as kinds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = (date.min - _EPOCH.date()).days
_LAST_DAY = (date.max - _EPOCH.date()).days
_DAY = 24 * 3600 * 10**6


def json_values(array: pa.Array) -> list[Any]:
    """The values of *array*, column by column: a row is what stands at the same place."""
    for fits, read in _NESTED:
        if fits(array.type):
            return read(array)
    values = _raw(array)
    write = next((write for fits, write in _SIMPLE if fits(array.type)), None)
    if write is None:
        return values
    if kinds.is_timestamp(array.type) and array.type.tz:
        write = _instant
    return [None if value is None else write(value) for value in values]


def _raw(array: pa.Array) -> list[Any]:
    raw = next((raw for fits, raw in _RAW if fits(array.type)), None)
    values: list[Any] = (array.cast(raw) if raw else array).to_pylist()
    return values


def _list(array: Any) -> list[Any]:
    return _nested(array, array.values)


def _map(array: Any) -> list[Any]:
    keys, items = _nested(array, array.keys), _nested(array, array.items)
    return [
        None if names is None else [list(pair) for pair in zip(names, values, strict=True)]
        for names, values in zip(keys, items, strict=True)
    ]


def _nested(array: Any, children: Any) -> list[Any]:
    # A slice of a list or map shares all children with the whole.
    offsets = array.offsets.to_pylist()
    first = offsets[0]
    values = json_values(children.slice(first, offsets[-1] - first))
    here = array.is_valid().to_pylist()
    return [
        values[start - first : end - first] if valid else None
        for valid, start, end in zip(here, offsets, offsets[1:], strict=False)
    ]


def _struct(array: Any) -> list[Any]:
    names = [array.type.field(position).name for position in range(array.type.num_fields)]
    columns = [json_values(array.field(position)) for position in range(len(names))]
    rows = zip(*columns, strict=True) if columns else ((),) * len(array)
    valid = array.is_valid().to_pylist()
    return [
        dict(zip(names, row, strict=True)) if here else None
        for here, row in zip(valid, rows, strict=True)
    ]


def _float(value: float) -> float | str:
    # JSON has no NaN and no infinity; Spark's JSON writer spells them this way.
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decimal(value: Decimal) -> str:
    # Python alone would write zero as 0E-18.
    return f"{value:f}"


def _date(days: int) -> str:
    if _FIRST_DAY <= days <= _LAST_DAY:
        return (_EPOCH.date() + timedelta(days=days)).isoformat()
    return _beyond(np.datetime64(days, "D"))


def _moment(micros: int) -> str:
    if _FIRST_DAY * _DAY <= micros < (_LAST_DAY + 1) * _DAY:
        return (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat()
    return _beyond(np.datetime64(micros, "us"))


def _beyond(moment: np.datetime64) -> str:
    sign, year, rest = re.fullmatch(r"(-?)(\d+)(.*)", str(moment)).groups()  # type: ignore[union-attr]  # numpy writes nothing else
    return f"{sign or '+'}{year:0>4}{rest}"


def _instant(micros: int) -> str:
    return f"{_moment(micros)}+00:00"


def _duration(micros: int) -> str:
    days, rest = divmod(abs(micros), _DAY)
    seconds, micros_left = divmod(rest, 10**6)
    return f"{'-' if micros < 0 else ''}P{days}DT{seconds}.{micros_left:06d}S"


def _iso(value: Any) -> str:
    text: str = value.isoformat()
    return text


def _binary(value: bytes) -> str:
    return base64.b64encode(value).decode()


_NESTED: tuple[tuple[Callable[[Any], bool], Callable[[Any], list[Any]]], ...] = (
    (kinds.is_map, _map),
    (lambda kind: bool(kinds.is_list(kind) or kinds.is_large_list(kind)), _list),
    (kinds.is_struct, _struct),
)
# Python has no such years, and Arrow would refuse them.
_RAW: tuple[tuple[Callable[[Any], bool], Any], ...] = (
    (kinds.is_date32, pa.int32()),
    (kinds.is_timestamp, pa.int64()),
    (kinds.is_duration, pa.int64()),
)
_SIMPLE: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (kinds.is_floating, _float),
    (kinds.is_decimal, _decimal),
    (kinds.is_date32, _date),
    (kinds.is_timestamp, _moment),
    (kinds.is_time, _iso),
    (kinds.is_duration, _duration),
    (lambda kind: bool(kinds.is_binary(kind) or kinds.is_large_binary(kind)), _binary),
)
