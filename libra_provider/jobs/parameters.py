"""Bind parameters: JSON values, and how JSON represents Spark's other types.

Strings, numbers, true, false, null and lists of them are passed as they are; an object is a struct.
A value of another type is an object of exactly ``type``, one of Spark's, and ``value``: decimals,
timestamps and intervals as the string that Spark casts to them, binary as base64, a map as an
object or as a list of pairs: ``{"type": "decimal(10,2)", "value": "1.50"}``,
``{"type": "array<date>", "value": ["2026-01-31", null]}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from py4j.java_gateway import is_instance_of  # type: ignore[import-untyped]  # py4j has no types
from pyspark.errors import PySparkException
from pyspark.sql import Column, SparkSession, functions
from pyspark.sql.classic.column import Column as ClassicColumn
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DataType,
    MapType,
    StringType,
    StructType,
    VariantType,
)

from libra_provider.core.errors import BadInput

_TYPED = {"type", "value"}
_LONG = range(-(2**63), 2**63)
_LITERAL = "org.apache.spark.sql.catalyst.expressions.Literal"


def bound(session: SparkSession, parameters: Any) -> Any:
    """Return *parameters* for ``SparkSession.sql``; raises BadInput for invalid values."""
    if isinstance(parameters, dict):
        return _bound(session, parameters)
    if isinstance(parameters, list):
        return list(_bound(session, dict(enumerate(parameters))).values())
    return parameters


def _bound(session: SparkSession, values: Mapping[Any, Any]) -> dict[Any, Any]:
    columns = {name: _column(value, name) for name, value in values.items() if _is_rich(value)}
    if not columns:
        return dict(values)
    literals = _literals(session, list(columns.values()))
    for name, literal in zip(columns, literals):
        if literal is None:
            raise BadInput(f"parameters[{name}]", values[name], "it is not a value of its type")
    return {**values, **dict(zip(columns, literals))}


def _is_rich(value: Any) -> bool:
    return isinstance(value, (list, dict)) or _is_huge(value)


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and value not in _LONG


def _literals(session: SparkSession, columns: list[Column]) -> list[Column | None]:
    """Return each column as the literal that it folds to: Spark takes no casts as parameters."""
    jvm: Any = session._jvm  # noqa: SLF001  # the optimizer has no Python side
    frame: Any = session.sql("SELECT 1").select(*columns)
    plan = frame._jdf.queryExecution().analyzed()  # noqa: SLF001
    folded = jvm.org.apache.spark.sql.catalyst.optimizer.ConstantFolding.apply(plan).projectList()
    to_column = jvm.org.apache.spark.sql.classic.ExpressionUtils.column
    found = [folded.apply(position).child() for position in range(len(columns))]
    gateway = session.sparkContext._gateway  # noqa: SLF001
    return [
        ClassicColumn(to_column(each)) if is_instance_of(gateway, each, _LITERAL) else None
        for each in found
    ]


def _column(value: Any, name: Any) -> Column:
    # With an alias, each column has the same form in the plan, also a plain literal.
    return _untyped(value, name).alias("parameter")


def _untyped(value: Any, name: Any) -> Column:
    if isinstance(value, dict):
        if value.keys() == _TYPED and isinstance(value["type"], str):
            return _typed(value["value"], value["type"], name)
        named = (_untyped(each, name).alias(str(key)) for key, each in value.items())
        return functions.struct(*named)
    if isinstance(value, list):
        return functions.array(*(_untyped(each, name) for each in value))
    if _is_huge(value):
        return functions.lit(str(value)).cast("decimal(38,0)")
    return functions.lit(value)


def _typed(value: Any, type_name: str, name: Any) -> Column:
    parameter = f"parameters[{name}]"
    try:
        data_type = DataType.fromDDL(type_name)
    except PySparkException as error:
        raise BadInput(parameter, type_name, "Spark has no such type") from error
    try:
        return _cast(value, data_type)
    except (ValueError, TypeError, LookupError) as error:
        raise BadInput(parameter, value, f"it is not a value of type {type_name}") from error


def _cast(value: Any, data_type: DataType) -> Column:
    if value is None:
        return functions.lit(None).cast(data_type)
    for kind, read in _READ.items():
        if isinstance(data_type, kind):
            return read(value, data_type).cast(data_type)
    if isinstance(value, (list, dict)):
        raise TypeError(value)
    # As a string: a decimal would lose digits as a float.
    return functions.lit(value if isinstance(value, bool) else str(value)).cast(data_type)


def _text(value: Any, _type: Any) -> Column:
    return functions.lit(_of(str, value))


def _binary(value: Any, _type: Any) -> Column:
    return functions.unbase64(functions.lit(_of(str, value)))


def _variant(value: Any, _type: Any) -> Column:
    return functions.parse_json(functions.lit(_of(str, value)))


def _array(value: Any, data_type: Any) -> Column:
    return functions.array(*(_cast(each, data_type.elementType) for each in _of(list, value)))


def _map(value: Any, data_type: Any) -> Column:
    pairs = list(value.items()) if isinstance(value, dict) else _of(list, value)
    keys = functions.array(*(_cast(key, data_type.keyType) for key, _ in pairs))
    values = functions.array(*(_cast(each, data_type.valueType) for _, each in pairs))
    return functions.map_from_arrays(keys, values)


def _struct(value: Any, data_type: Any) -> Column:
    return functions.struct(
        *(_cast(value[field.name], field.dataType).alias(field.name) for field in data_type)
    )


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(value)
    return value


_READ: Mapping[type[DataType], Callable[[Any, Any], Column]] = {
    StringType: _text,
    BinaryType: _binary,
    VariantType: _variant,
    ArrayType: _array,
    MapType: _map,
    StructType: _struct,
}
