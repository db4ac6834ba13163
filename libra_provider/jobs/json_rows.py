"""Rows of Python values as JSON, in the format of server/results/to_json.py."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from pyspark.sql import types

from libra_provider.jobs.json_values import plain_float

_MICROSECOND = timedelta(microseconds=1)
_DAY = 24 * 3600 * 10**6


def json_rows(rows: Sequence[Any], schema: types.StructType) -> list[list[Any]]:
    """Return *rows*, which ``collect()`` has returned, as lists in the order of *schema*."""
    kinds = [field.dataType for field in schema.fields]
    return [[_plain(value, kind) for value, kind in zip(row, kinds)] for row in rows]


def _plain(value: Any, kind: types.DataType) -> Any:
    write = None if value is None else _WRITE.get(type(kind))
    return write(value, kind) if write else value


def _array(value: list[Any], kind: Any) -> list[Any]:
    return [_plain(each, kind.elementType) for each in value]


def _map(value: dict[Any, Any], kind: Any) -> list[Any]:
    # Keys may have any type.
    pairs = value.items()
    return [[_plain(key, kind.keyType), _plain(each, kind.valueType)] for key, each in pairs]


def _struct(value: Any, kind: Any) -> dict[str, Any]:
    pairs = zip(value, kind.fields)
    return {field.name: _plain(each, field.dataType) for each, field in pairs}


def _float(value: float, _kind: Any) -> Any:
    return plain_float(value)


def _decimal(value: Decimal, _kind: Any) -> str:
    # str() would write zero as 0E-18.
    return f"{value:f}"


def _binary(value: bytearray, _kind: Any) -> str:
    return base64.b64encode(value).decode()


def _instant(value: datetime, _kind: Any) -> str:
    # pyspark returns it in the time zone of this process, without tzinfo.
    return value.astimezone(timezone.utc).isoformat()


def _iso(value: Any, _kind: Any) -> str:
    text: str = value.isoformat()
    return text


def _span(value: timedelta, _kind: Any) -> str:
    micros = value // _MICROSECOND
    days, rest = divmod(abs(micros), _DAY)
    seconds, micros_left = divmod(rest, 10**6)
    return f"{'-' if micros < 0 else ''}P{days}DT{seconds}.{micros_left:06d}S"


_WRITE: Mapping[type, Callable[[Any, Any], Any]] = {
    types.ArrayType: _array,
    types.MapType: _map,
    types.StructType: _struct,
    types.FloatType: _float,
    types.DoubleType: _float,
    types.DecimalType: _decimal,
    types.BinaryType: _binary,
    types.DateType: _iso,
    types.TimestampType: _instant,
    types.TimestampNTZType: _iso,
    types.DayTimeIntervalType: _span,
    # Spark 4.0 has no such type.
    getattr(types, "TimeType", types.DateType): _iso,
}
