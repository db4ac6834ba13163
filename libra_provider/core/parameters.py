"""Bind parameters of a SQL statement: Python's values in the form that JSON can carry."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from libra_provider.core.errors import BadInput

_DIGITS = 38  # as many as Spark's decimals have


def as_json(parameters: Mapping[str, Any] | Sequence[Any]) -> Any:
    """*parameters*, with ``{"type": …, "value": …}`` for values that JSON cannot represent.

    These are Decimal, date, datetime, timedelta, bytes, NaN and the infinities, also inside lists
    and dicts (a struct). Raises BadInput for other types, and for a single string or number.
    """
    if isinstance(parameters, str | bytes) or not isinstance(parameters, Mapping | Sequence):
        raise BadInput("parameters", parameters, "expected a dict for :name or a list for ?")
    if isinstance(parameters, Mapping):
        return {str(name): _value(value, name) for name, value in parameters.items()}
    return [_value(value, position) for position, value in enumerate(parameters)]


def as_variable(content: object) -> str:
    """*content* as JSON in ASCII, for an environment variable of a driver.

    A worker of Spark replaces ``{{NAME}}`` in it by its own values, so no ``{{`` is left.
    """
    return json.dumps(content).replace("{{", r"{\u007b")


def _value(value: Any, name: object) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _value(each, name) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_value(each, name) for each in value]
    for kind, typed in _TYPED.items():
        if isinstance(value, kind):
            return typed(value, name)
    raise BadInput(f"parameters[{name!r}]", value, f"SQL has no type for {type(value).__name__}")


def _of(type_name: str, text: str) -> dict[str, str]:
    return {"type": type_name, "value": text}


def _float(value: float, _name: object) -> Any:
    return value if math.isfinite(value) else _of("double", str(value))


def _decimal(value: Decimal, name: object) -> dict[str, str]:
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise BadInput(f"parameters[{name!r}]", value, "Spark's decimals must be finite")
    scale = max(0, -exponent)
    precision = max(len(digits) + max(0, exponent), scale, 1)
    if precision > _DIGITS:
        expected = f"Spark's decimals have at most {_DIGITS} digits"
        raise BadInput(f"parameters[{name!r}]", value, expected)
    return _of(f"decimal({precision},{scale})", f"{value:f}")


def _moment(value: datetime, _name: object) -> dict[str, str]:
    return _of("timestamp" if value.tzinfo else "timestamp_ntz", value.isoformat())


def _date(value: date, _name: object) -> dict[str, str]:
    return _of("date", value.isoformat())


def _span(value: timedelta, _name: object) -> dict[str, str]:
    sign, span = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{sign}{span.days} {hours:02}:{minutes:02}:{seconds:02}.{span.microseconds:06}"
    return _of("interval day to second", text)


def _binary(value: bytes, _name: object) -> dict[str, str]:
    return _of("binary", base64.b64encode(value).decode())


# A datetime is a date too, so it comes first.
_TYPED: Mapping[type, Callable[[Any, object], Any]] = {
    float: _float,
    Decimal: _decimal,
    datetime: _moment,
    date: _date,
    timedelta: _span,
    bytes: _binary,
}
