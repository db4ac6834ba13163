"""Fetches the rows of a frame as Arrow, and stops at a limit of rows or bytes.

Bytes are limited twice. Spark collects a partition as a whole: a few hundred rows of a megabyte
each would run an executor, or the driver, out of memory before their bytes are counted here. So
each executor counts them row by row, and the driver counts those of all executors together.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyspark.errors.exceptions.captured import unwrap_spark_exception
from pyspark.serializers import Serializer, read_int
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.classic.dataframe import DataFrame as ClassicFrame
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    ByteType,
    DataType,
    DateType,
    DayTimeIntervalType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    ShortType,
    StringType,
    StructType,
    TimestampNTZType,
    TimestampType,
    UserDefinedType,
)
from pyspark.util import _load_from_socket

from libra_provider.jobs.columns import quoted

_SOURCE = Path(__file__).parent / "jvm" / "libra" / "Room.java"
# As Arrow has them, without what a null costs; of any other type a value costs nothing here, so
# that nothing is refused that would fit.
_WIDTHS: Mapping[type[DataType], int] = {
    ByteType: 1,
    ShortType: 2,
    **dict.fromkeys((IntegerType, FloatType, DateType), 4),
    **dict.fromkeys((LongType, DoubleType, TimestampType, TimestampNTZType), 8),
    DayTimeIntervalType: 8,
    DecimalType: 16,
}
_OFFSET = 4
# A result is in the heap up to three times while one of Spark's four threads receives it.
_SHARE_OF_HEAP = 16
_GROUP = "spark.jobGroup.id"


class ResultGuard:
    """Fetches rows for the driver of *spark*; *folder* gets the class for the executors."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        java: Any = spark._jvm  # noqa: SLF001  # for the size of its heap
        self.most: int = java.java.lang.Runtime.getRuntime().maxMemory() // _SHARE_OF_HEAP
        self._room = self._compiled(spark, folder / "libra-room.jar")

    def collect(self, frame: DataFrame, *, rows: int, most: int) -> pa.Table:
        """Return all rows of *frame*, or slightly more than *rows* rows or *most* bytes.

        Its columns have unique names. Raises Spark's errors, also for too many bytes of one task.
        """
        return _collected(self._limited(frame, rows, most), frame.schema, rows=rows, size=most)

    def _limited(self, frame: DataFrame, rows: int, most: int) -> DataFrame:
        """Return *frame*, which stops soon after *rows* rows, or fails soon after *most* bytes.

        If it stops, it has more than *rows* rows. The bytes are at most those of Arrow, and each
        task may have as many.
        """
        size = size_of(frame.schema)
        measured = () if size.isdecimal() and (rows + 1) * int(size) <= most else (size, most)
        # In one call: a small statement has no time for several through py4j.
        limited = self._room.limited(frame._jdf, rows, *measured)  # noqa: SLF001
        return ClassicFrame(limited, frame.sparkSession)

    def _compiled(self, spark: SparkSession, jar: Path) -> Any:
        context: Any = spark.sparkContext
        gateway = context._gateway  # noqa: SLF001  # it reaches Spark's Java side
        compiler = gateway.jvm.org.codehaus.janino.SimpleCompiler()
        compiler.cook(_SOURCE.read_text())
        classes = compiler.getBytecodes()
        with zipfile.ZipFile(jar, "w") as archive:
            for name in classes.keySet():
                archive.writestr(f"{name.replace('.', '/')}.class", bytes(classes[name]))
        spark.sql(f"ADD JAR '{jar.as_uri()}'")
        java: Any = spark._jsparkSession  # noqa: SLF001  # where the classes of added jars are
        found = java.sharedState().jarClassLoader().loadClass("libra.Room")
        no_types = gateway.new_array(gateway.jvm.Class, 0)
        return found.getConstructor(no_types).newInstance(gateway.new_array(gateway.jvm.Object, 0))


def size_of(schema: StructType) -> str:
    """Return SQL for the bytes of a row of *schema*; a plain number if all rows have one size."""
    return _sum(_size(quoted(field.name), field.dataType) for field in schema)


def _size(value: str, data_type: DataType, depth: int = 0) -> str:
    match data_type:
        case StringType() | BinaryType():
            return f"{_OFFSET} + coalesce(octet_length({value}), 0)"
        case ArrayType():
            return _size_of_all(value, data_type.elementType, depth)
        case MapType():
            keys = _size_of_all(f"map_keys({value})", data_type.keyType, depth)
            return f"{keys} + {_size_of_all(f'map_values({value})', data_type.valueType, depth)}"
        case StructType():
            fields = ((f"{value}.{quoted(each.name)}", each.dataType) for each in data_type)
            return _sum(_size(name, kind, depth) for name, kind in fields)
        case UserDefinedType():
            return _size(value, data_type.sqlType(), depth)
    return str(_WIDTHS.get(type(data_type), 0))


def _size_of_all(array: str, data_type: DataType, depth: int) -> str:
    one = f"e{depth}"
    each = _size(one, data_type, depth + 1)
    if each.isdecimal():
        return f"{_OFFSET} + coalesce(greatest(size({array}), 0), 0) * {each}"
    step = f"(sum{depth}, {one}) -> sum{depth} + {each}"
    return f"{_OFFSET} + coalesce(aggregate({array}, 0L, {step}), 0L)"


def _sum(sizes: Iterable[str]) -> str:
    listed = list(sizes)
    fixed = sum(int(each) for each in listed if each.isdecimal())
    return " + ".join([str(fixed), *(each for each in listed if not each.isdecimal())])


def _collected(frame: DataFrame, schema: StructType, *, rows: int, size: int) -> pa.Table:
    """Return the rows of *frame*, which has *schema*, up to the limits or slightly more.

    ``toArrow()`` has no limit, and calls the JVM twice as often, also for *schema*, which costs
    more than the rest of a small statement.
    """
    java: Any = frame._jdf  # noqa: SLF001  # as toArrow() does
    port, secret, server = java.collectAsArrowToPython()
    taking = _Taking(
        to_arrow_schema(schema, error_on_duplicated_field_names_in_struct=True, timezone="UTC"),
        rows,
        size,
    )
    try:
        with _load_from_socket((port, secret), taking) as tables:
            return pa.concat_tables(tables)
    finally:
        if taking.is_enough:
            _stop(frame)
        else:
            with unwrap_spark_exception():
                server.getResult()


def _stop(frame: DataFrame) -> None:
    # Spark notices the closed socket only when the next task ends, and does not stop the others.
    context = frame.sparkSession.sparkContext
    if group := context.getLocalProperty(_GROUP):
        context.cancelJobGroup(group)


def _number(stream: IO[bytes]) -> int:
    return int(read_int(stream))  # type: ignore[no-untyped-call]  # pyspark gives it no types


class _Taking(Serializer):
    """Reads tables of *schema* up to the end, or beyond *rows* rows or *size* bytes."""

    def __init__(self, schema: pa.Schema, rows: int, size: int) -> None:
        self._schema, self._rows, self._size = schema, rows, size
        self.is_enough = False

    def load_stream(self, stream: IO[bytes]) -> list[pa.Table]:
        """Return the tables, in the order of the rows if all are read."""
        tables = []
        for batch in pa.ipc.open_stream(stream):
            tables.append(self._taken(batch))
            if self.is_enough:
                return tables
        # They come as their tasks end; then their positions, or -1 if the job has failed.
        places = [_number(stream) for _ in range(_number(stream))]
        return [tables[place] for place in places] or [self._schema.empty_table()]

    def _taken(self, batch: pa.RecordBatch) -> pa.Table:
        table = pa.Table.from_batches([batch]).cast(self._schema)
        self._rows -= table.num_rows
        self._size -= table.nbytes
        self.is_enough = self._rows < 0 or self._size < 0
        return table
