"""Converts values in Libra's JSON to Python values, by Spark's schema."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from libra_provider.core.errors import ProtocolError

Reader: TypeAlias = Callable[[Any], Any]
_DURATION = re.compile(r"(?P<sign>-?)P(?P<days>\d+)DT(?P<seconds>\d+)\.(?P<micros>\d{6})S")
_WRONG = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)


def as_python(
    server: str, schema: Mapping[str, Any], rows: Sequence[Sequence[Any]]
) -> list[list[Any]]:
    """Return *rows* with Decimal, date, time, datetime, timedelta and bytes, as in *schema*.

    Maps become dicts, or lists of pairs if a key is not hashable; intervals of months stay strings.
    Raises ProtocolError, naming *server*, for values that do not match the schema.
    """
    try:
        readers = [_or_none(_reader(field["type"])) for field in schema["fields"]]
        return [[read(v) for read, v in zip(readers, row, strict=True)] for row in rows]
    except _WRONG as error:
        problem = f"a value does not match the schema of the result ({error!r})"
        raise ProtocolError(server, 200, problem) from error


def _reader(data_type: Any) -> Reader:
    if isinstance(data_type, str):
        name = data_type.partition("(")[0]
        return _duration if _is_day_time(name) else _SIMPLE.get(name, _itself)
    return _NESTED[data_type["type"]](data_type)


def _or_none(read: Reader) -> Reader:
    return lambda value: None if value is None else read(value)


def _itself(value: Any) -> Any:
    return value


def _is_day_time(name: str) -> bool:
    return name.startswith(("interval day", "interval hour", "interval minute", "interval second"))


def _decimal(text: Any) -> Decimal:
    return Decimal(str(text))


def _binary(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _within_python(read: Reader) -> Reader:
    """Return *read*, except that years after 9999 or before 1, which have a sign, stay strings."""
    return lambda text: text if text.startswith(("+", "-")) else read(text)


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    days, seconds, micros = (int(found[name]) for name in ("days", "seconds", "micros"))
    span = timedelta(days=days, seconds=seconds, microseconds=micros)
    return -span if found["sign"] else span


def _array(data_type: Mapping[str, Any]) -> Reader:
    read = _or_none(_reader(data_type["elementType"]))
    return lambda values: [read(each) for each in values]


def _map(data_type: Mapping[str, Any]) -> Reader:
    key, value = _reader(data_type["keyType"]), _or_none(_reader(data_type["valueType"]))

    def read(pairs: list[list[Any]]) -> dict[Any, Any] | list[tuple[Any, Any]]:
        found = [(key(k), value(v)) for k, v in pairs]
        try:
            return dict(found)
        except TypeError:  # an array, a map or a struct is a key
            return found

    return read


def _struct(data_type: Mapping[str, Any]) -> Reader:
    readers = {each["name"]: _or_none(_reader(each["type"])) for each in data_type["fields"]}
    return lambda fields: {name: readers[name](value) for name, value in fields.items()}


def _user_defined(data_type: Mapping[str, Any]) -> Reader:
    return _reader(data_type["sqlType"])


_SIMPLE: Mapping[str, Reader] = {
    "decimal": _decimal,
    # "NaN" and "Infinity" are strings in JSON.
    "float": float,
    "double": float,
    "date": _within_python(date.fromisoformat),
    "time": time.fromisoformat,
    "timestamp": _within_python(datetime.fromisoformat),
    "timestamp_ntz": _within_python(datetime.fromisoformat),
    "binary": _binary,
}
_NESTED: Mapping[str, Callable[[Mapping[str, Any]], Reader]] = {
    "array": _array,
    "map": _map,
    "struct": _struct,
    "udt": _user_defined,
}
