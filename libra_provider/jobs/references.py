"""A result that a job has put somewhere by itself."""

from __future__ import annotations

import operator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from libra_provider.jobs.job import ResultError
from libra_provider.jobs.json_values import json_text

_COUNTS = range(2**53 + 1)  # what JSON's readers agree on


@dataclass(frozen=True)
class Reference:
    """Where a result lies that the job itself has put there; ``bytes`` is its size."""

    uri: str
    rows: int | None = None
    bytes: int | None = None
    schema: dict[str, Any] | None = None


def reference(
    uri: str,
    *,
    rows: int | None = None,
    bytes: int | None = None,  # noqa: A002 - as results call it
    schema: Any = None,
) -> Reference:
    """A result that the job has put to *uri* by itself, with what is known of it.

    *schema* is Spark's, or its JSON. Raises ResultError for what could not be told to anybody.
    """
    return Reference(_uri(uri), _count("rows", rows), _count("bytes", bytes), _schema(schema))


def _uri(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise ResultError(f"A reference is to a URI, which is a text, not {value!r}.")


def _count(name: str, value: Any) -> int | None:
    """*value*, also one of NumPy's, as JSON has it."""
    if value is None:
        return None
    with suppress(TypeError):
        if (count := operator.index(value)) in _COUNTS:
            return count
    raise ResultError(f"{name}={value!r} is no number of {name}; leave it out if it is not known.")


def _schema(value: Any) -> dict[str, Any] | None:
    said = value.jsonValue() if hasattr(value, "jsonValue") else value
    with suppress(TypeError, ValueError):
        json_text(said)
        if said is None or isinstance(said, dict):
            return said
    raise ResultError(f"The schema of a reference is Spark's, as frame.schema, not {value!r}.")
