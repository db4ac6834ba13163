"""Arrow streams from others: everything in them is checked before it is used."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyarrow import types as kinds

from libra_provider.core.errors import BadInput

SCHEMA = b"spark_schema"
_END = b"\xff\xff\xff\xff\0\0\0\0"
# What Spark's types become, and json_values can say: no dictionaries, unions, views.
_SIMPLE = (
    *(kinds.is_null, kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_decimal),
    *(kinds.is_string, kinds.is_large_string, kinds.is_binary, kinds.is_large_binary),
    *(kinds.is_date32, kinds.is_time64),
)
_IN_MICROSECONDS = (kinds.is_timestamp, kinds.is_duration)
_LISTS = (kinds.is_list, kinds.is_large_list)


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of the stream at *path*, each of them checked; raises BadInput."""
    try:
        with pa.memory_map(str(path)) as source:
            if source.size() < len(_END) or source.read_at(len(_END), source.size() - 8) != _END:
                raise BadInput("body", "an Arrow stream", "it is incomplete; send all of it")
            with pa.ipc.open_stream(source) as reader:
                _check(reader.schema)
            source.seek(0)
            _check_messages(pa.ipc.MessageReader.open_stream(source))
            source.seek(0)
            with pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    batch.validate(full=True)
                    yield batch
    except (pa.ArrowException, OSError, struct.error, UnicodeDecodeError) as error:
        raise BadInput("body", "an Arrow stream", f"it cannot be read ({error})") from error


def _check_messages(messages: Iterator[Any]) -> None:
    next(messages, None)  # the schema
    for message in messages:
        if message.type != "record batch" or _is_compressed(message.metadata):
            # What it would grow to is not known before it has.
            expected = "it must hold record batches only, uncompressed"
            raise BadInput("body", f"a {message.type}", expected)


def _check(schema: pa.Schema) -> None:
    for field in schema:
        if not _can_be_said(field.type):
            expected = "it must be what Spark's types are in Arrow, times in microseconds"
            raise BadInput(f"column {field.name!r}", str(field.type), expected)
    names = _spark_names((schema.metadata or {}).get(SCHEMA, b""))
    if names != schema.names:
        expected = f"it must be Spark's schema, as JSON, of the columns {schema.names}"
        raise BadInput("spark_schema", names, expected)


def _can_be_said(kind: pa.DataType) -> bool:
    if any(fits(kind) for fits in _SIMPLE):
        return True
    if any(fits(kind) for fits in _IN_MICROSECONDS):
        return bool(kind.unit == "us")
    if kinds.is_map(kind):
        return _can_be_said(kind.key_type) and _can_be_said(kind.item_type)
    if any(fits(kind) for fits in _LISTS):
        return _can_be_said(kind.value_type)
    return bool(kinds.is_struct(kind)) and all(_can_be_said(field.type) for field in kind)


def _spark_names(text: bytes) -> list[str] | None:
    try:
        return [field["name"] for field in json.loads(text)["fields"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _is_compressed(metadata: pa.Buffer) -> bool:
    """Whether the record batch of a message is compressed; pyarrow would just unpack it.

    The message is a FlatBuffer: tables that begin with the distance to the places of their fields.
    """
    data = metadata.to_pybytes()
    message = _number(data, 0)
    header = _field(data, message, 2)
    batch = header + _number(data, header)
    return _field(data, batch, 3) != 0


def _field(data: bytes, table: int, number: int) -> int:
    """Where field *number* of *table* is; 0 if it is not there."""
    places = table - struct.unpack_from("<i", data, table)[0]
    size, offset = struct.unpack_from("<H", data, places)[0], 4 + 2 * number
    place: int = struct.unpack_from("<H", data, places + offset)[0] if offset < size else 0
    return place and table + place


def _number(data: bytes, place: int) -> int:
    number: int = struct.unpack_from("<I", data, place)[0]
    return number
