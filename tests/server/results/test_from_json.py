"""Rows go out as JSON, and come in as JSON: one is the inverse of the other."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.core.errors import BadInput
from libra_provider.server.results.from_json import table_of
from libra_provider.server.results.to_json import json_values

INT64 = st.integers(-(2**63), 2**63 - 1)
DAYS = st.integers(-(2**22), 2**22)
MICROS = st.integers(-(2**57), 2**57)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SIMPLE: list[tuple[str, pa.DataType, st.SearchStrategy[Any]]] = [
    ("boolean", pa.bool_(), st.booleans()),
    ("byte", pa.int8(), st.integers(-128, 127)),
    ("short", pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    ("integer", pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    ("long", pa.int64(), INT64),
    ("float", pa.float32(), st.floats(width=32)),
    ("double", pa.float64(), st.floats()),
    (
        "decimal(38,18)",
        pa.decimal128(38, 18),
        st.decimals(-(10**19), 10**19, places=18, allow_nan=False).map(
            lambda value: Decimal(f"{value:.18f}")
        ),
    ),
    ("string", pa.string(), TEXT),
    ("interval year to month", pa.string(), TEXT),
    ("binary", pa.binary(), st.binary()),
    ("date", pa.date32(), DAYS),
    ("timestamp", pa.timestamp("us", "UTC"), MICROS),
    ("timestamp_ntz", pa.timestamp("us"), MICROS),
    ("time(6)", pa.time64("ns"), st.times().map(lambda each: each.replace(tzinfo=None))),
    ("interval day to second", pa.duration("us"), MICROS),
    ("void", pa.null(), st.none()),
]
Typed = tuple[Any, pa.DataType, st.SearchStrategy[Any]]


def nested(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    arrays = inner.map(
        lambda each: (
            {"type": "array", "elementType": each[0], "containsNull": True},
            pa.list_(each[1]),
            st.lists(st.none() | each[2], max_size=3),
        )
    )
    maps = inner.map(
        lambda each: (
            {"type": "map", "keyType": "string", "valueType": each[0]},
            pa.map_(pa.string(), each[1]),
            st.lists(st.tuples(TEXT, st.none() | each[2]), max_size=3),
        )
    )
    structs = inner.map(
        lambda each: (
            {"type": "struct", "fields": [{"name": "f", "type": each[0]}]},
            pa.struct([("f", each[1])]),
            st.fixed_dictionaries({"f": st.none() | each[2]}),
        )
    )
    return arrays | maps | structs


TYPED = st.recursive(st.sampled_from(SIMPLE), nested, max_leaves=3)


@given(st.data())
def test_what_went_out_comes_in_again(data: st.DataObject) -> None:
    spark, kind, values = data.draw(TYPED)
    array = pa.array(data.draw(st.lists(st.none() | values, max_size=5)), kind)
    out = json.loads(json.dumps(json_values(array)))
    table = table_of({"fields": [{"name": "c", "type": spark}]}, [[value] for value in out])

    assert table.schema.field("c").type == kind
    assert json.dumps(json_values(table.column("c").combine_chunks())) == json.dumps(out)


def test_moments_are_read_as_they_are_written_by_hand() -> None:
    types = ["date", "timestamp", "timestamp_ntz", "time(6)", "interval day to second"]
    schema = {"fields": [{"name": name, "type": name} for name in types]}
    moment = "2026-11-20T17:00:00"
    row = ["+12026-01-01", f"{moment}.5+00:00", moment, "17:00:00.25", "-P1DT2.000003S"]
    table = table_of(schema, [row, ["2026-11-20", f"{moment}+00:00", moment, "17:00:00", None]])

    assert table.slice(1).to_pylist()[0] == {
        "date": date(2026, 11, 20),
        "timestamp": datetime(2026, 11, 20, 17, tzinfo=UTC),
        "timestamp_ntz": datetime(2026, 11, 20, 17),  # noqa: DTZ001  # it has none
        "time(6)": time(17),
        "interval day to second": None,
    }
    assert table.column("interval day to second")[0].as_py() == -timedelta(
        days=1, seconds=2, microseconds=3
    )
    assert json_values(table.column("date").chunk(0))[0] == "+12026-01-01"


@pytest.mark.parametrize(
    ("spark", "value"),
    [
        ("date", "today"),
        ("date", "NaT"),
        ("timestamp", "2026-11-20T17:00:00+05:00"),
        ("timestamp", 5),
        ("decimal(3,1)", "123.45"),
        ("decimal(3,1)", "NaN"),
        ("binary", "no base64"),
        ("byte", 300),
        ("long", 1.5),
        ("long", True),
        ("boolean", 1),
        ("string", 5),
        ({"type": "tree"}, 1),
        ({"type": "struct", "fields": []}, {"x": 1}),
        (5, 1),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused(spark: object, value: object) -> None:
    with pytest.raises(BadInput, match="rows must match the schema"):
        table_of({"fields": [{"name": "c", "type": spark}]}, [[value]])
