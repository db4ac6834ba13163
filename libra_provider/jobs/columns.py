"""Columns converted to types that their reader supports."""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    CalendarIntervalType,
    DataType,
    MapType,
    NullType,
    StructType,
    VariantType,
    YearMonthIntervalType,
)

# ISO 8601; each part of a calendar interval has its own sign, as in java.time.Period.
_MONTHS = (
    "concat(if({0} < INTERVAL '0' MONTH, '-', ''), 'P',"
    " abs(extract(YEAR FROM {0})), 'Y', abs(extract(MONTH FROM {0})), 'M')"
)
_CALENDAR = (
    "concat('P', extract(YEAR FROM {0}), 'Y', extract(MONTH FROM {0}), 'M',"
    " extract(DAY FROM {0}), 'DT', extract(HOUR FROM {0}), 'H',"
    " extract(MINUTE FROM {0}), 'M', extract(SECOND FROM {0}), 'S')"
)
TextTypes = Collection[type[DataType]]
# Arrow has no type for these that all its readers support.
NOT_IN_ARROW: TextTypes = (YearMonthIntervalType, CalendarIntervalType, VariantType)


def quoted(name: str) -> str:
    """Return *name* as an SQL identifier, whatever characters it contains."""
    return "`" + name.replace("`", "``") + "`"


def with_text(frame: DataFrame, types: TextTypes) -> DataFrame:
    """Return *frame* with values of *types* as strings, nested ones too, and the same column names.

    Intervals become ISO 8601, variants JSON.
    """
    fields = frame.schema.fields
    if not any(_holds(field.dataType, types) for field in fields):
        return frame
    # By position: a query may give two columns the same name.
    names = [f"c{position}" for position in range(len(fields))]
    columns = [
        f"{_as_text(quoted(name), field.dataType, types)} AS {quoted(name)}"
        for name, field in zip(names, fields)
    ]
    return frame.toDF(*names).selectExpr(*columns).toDF(*frame.columns)


def with_typed_elements(frame: DataFrame) -> DataFrame:
    """Return *frame* with strings as elements of no type (``array()``), as Arrow requires."""
    parts = (part for field in frame.schema for part in _parts(field.dataType))
    return with_text(frame, (NullType,) if any(_holds(part, (NullType,)) for part in parts) else ())


def with_unique_names(frame: DataFrame) -> DataFrame:
    """Return *frame*, its columns renamed by position if two of them share a name."""
    # Spark's resolver ignores case.
    if len({name.casefold() for name in frame.columns}) == len(frame.columns):
        return frame
    return frame.toDF(*(f"c{position}" for position in range(len(frame.columns))))


def _holds(data_type: DataType, types: TextTypes) -> bool:
    return type(data_type) in types or any(_holds(each, types) for each in _parts(data_type))


def _parts(data_type: DataType) -> list[DataType]:
    if isinstance(data_type, ArrayType):
        return [data_type.elementType]
    if isinstance(data_type, MapType):
        return [data_type.keyType, data_type.valueType]
    if isinstance(data_type, StructType):
        return [field.dataType for field in data_type]
    return []


def _as_text(value: str, data_type: DataType, types: TextTypes, depth: int = 0) -> str:
    if type(data_type) in types:
        return _leaf(value, data_type)
    if not _holds(data_type, types):
        return value
    if isinstance(data_type, ArrayType):
        each = f"e{depth}"
        inner = _as_text(each, data_type.elementType, types, depth + 1)
        return f"transform({value}, {each} -> {inner})"
    if isinstance(data_type, MapType):
        return _map_as_text(value, data_type, types, depth)
    if isinstance(data_type, StructType):
        return _struct_as_text(value, data_type, types, depth)
    return value


def _leaf(value: str, data_type: DataType) -> str:
    if isinstance(data_type, YearMonthIntervalType):
        return _MONTHS.format(f"CAST({value} AS INTERVAL YEAR TO MONTH)")
    if isinstance(data_type, CalendarIntervalType):
        return _CALENDAR.format(value)
    if isinstance(data_type, VariantType):
        return f"to_json({value})"
    return f"CAST({value} AS STRING)"


def _map_as_text(value: str, data_type: MapType, types: TextTypes, depth: int) -> str:
    key, inner = f"k{depth}", f"v{depth}"
    keys = _as_text(key, data_type.keyType, types, depth + 1)
    values = _as_text(inner, data_type.valueType, types, depth + 1)
    changed = f"transform_values({value}, ({key}, {inner}) -> {values})"
    return f"transform_keys({changed}, ({key}, {inner}) -> {keys})"


def _struct_as_text(value: str, data_type: StructType, types: TextTypes, depth: int) -> str:
    fields = ", ".join(
        f"{_as_text(f'{value}.{quoted(field.name)}', field.dataType, types, depth)}"
        f" AS {quoted(field.name)}"
        for field in data_type
    )
    return f"if({value} IS NULL, NULL, struct({fields}))"
