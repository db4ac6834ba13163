"""Results on the wire."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue

from libra_provider.server.api.schemas.base import WireModel


class ResultBody(WireModel):
    """A page of rows that begins at row ``offset``; ``rowCount`` is the number of all rows.

    Decimals, dates, timestamps, NaN and infinities are strings, binary is base64.
    """

    job_id: str
    spark_schema: dict[str, Any] = Field(
        serialization_alias="schema", description="Spark's schema as JSON."
    )
    columns: list[str]
    rows: list[list[Any]]
    offset: int
    row_count: int


class WrittenBody(WireModel):
    """The rows that were written to ``resultPath``."""

    job_id: str
    uri: str
    row_count: int | None
    bytes: int | None
    spark_schema: dict[str, Any] | None = Field(
        serialization_alias="schema", description="Spark's schema as JSON."
    )


class ValueBody(WireModel):
    """A result that is not a table: a JSON value, or the ``repr`` of a Python object."""

    job_id: str
    value: JsonValue
