"""A result that a job has written by itself, and only refers to."""

from __future__ import annotations

import operator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from libra_provider.jobs.job import ResultError
from libra_provider.jobs.json_values import json_text

_COUNTS = range(2**53 + 1)  # integers that every JSON reader reads exactly


@dataclass(frozen=True)
class Reference:
    """Where a result is that the job has written itself; ``bytes`` is its size."""

    uri: str
    rows: int | None = None
    bytes: int | None = None
    schema: dict[str, Any] | None = None


def reference(
    uri: str,
    *,
    rows: int | None = None,
    bytes: int | None = None,  # noqa: A002 - the name in results
    schema: Any = None,
) -> Reference:
    """Return a reference to a result that the job has written to *uri*, for ``jobs.result``.

    *schema* is Spark's, or its JSON. Raises ResultError for values that JSON cannot represent.
    """
    return Reference(_uri(uri), _count("rows", rows), _count("bytes", bytes), _schema(schema))


def _uri(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ResultError(f"Invalid uri={value!r}: expected a string.")


def _count(name: str, value: Any) -> int | None:
    """Return *value*, which may be NumPy's, as an int."""
    if value is None:
        return None
    with suppress(TypeError):
        if (count := operator.index(value)) in _COUNTS:
            return count
    raise ResultError(f"Invalid {name}={value!r}: expected a whole number, or None if unknown.")


def _schema(value: Any) -> dict[str, Any] | None:
    plain = value.jsonValue() if hasattr(value, "jsonValue") else value
    with suppress(TypeError, ValueError):
        json_text(plain)
        if plain is None or isinstance(plain, dict):
            return plain
    raise ResultError(f"Invalid schema={value!r}: expected Spark's, such as frame.schema.")
