from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.server.results.to_json import json_values

MICROS = pa.timestamp("us")
PAIRS = pa.map_(pa.string(), pa.binary())


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (None, pa.int8(), None),
        (None, pa.null(), None),
        (True, pa.bool_(), True),
        (2**62, pa.int64(), 2**62),
        (Decimal("1.50"), pa.decimal128(10, 2), "1.50"),
        (Decimal("0E-9"), pa.decimal128(38, 9), "0.000000000"),
        (float("nan"), pa.float64(), "NaN"),
        (float("-inf"), pa.float32(), "-Infinity"),
        (date(2026, 1, 2), pa.date32(), "2026-01-02"),
        (date(1, 1, 1), pa.date32(), "0001-01-01"),
        (datetime(9999, 12, 31, 23), MICROS, "9999-12-31T23:00:00"),  # noqa: DTZ001  # has no zone
        (
            datetime(2026, 1, 2, 3, tzinfo=UTC),
            pa.timestamp("us", "UTC"),
            "2026-01-02T03:00:00+00:00",
        ),
        (time(1, 2, 3, 4), pa.time64("ns"), "01:02:03.000004"),
        (timedelta(days=1, seconds=2, microseconds=3), pa.duration("us"), "P1DT2.000003S"),
        (timedelta(days=-1), pa.duration("us"), "-P1DT0.000000S"),
        (b"\x00\xff", pa.binary(), "AP8="),
        ([("1", b"x")], PAIRS, [["1", "eA=="]]),
        ({"a": {"b": Decimal(1)}}, None, {"a": {"b": "1"}}),
    ],
    ids=str,
)
def test_a_value_keeps_its_exactness_in_json(value: Any, kind: Any, expected: Any) -> None:
    assert json_values(pa.array([value], kind)) == [expected]


@pytest.mark.parametrize(
    ("count", "kind", "expected"),
    [
        (2_932_897, pa.date32(), "+10000-01-01"),
        (-735_160, pa.date32(), "-0043-03-15"),
        (253_402_300_800_000_000, MICROS, "+10000-01-01T00:00:00.000000"),
    ],
    ids=str,
)
def test_years_that_python_has_not_are_told_as_iso_8601_has_them(
    count: int, kind: Any, expected: str
) -> None:
    array = pa.array([count], pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)

    assert json_values(array) == [expected]


NESTED = pa.list_(
    pa.struct([("many", pa.list_(pa.int64())), ("by_name", pa.map_(pa.string(), pa.int64()))])
)


@st.composite
def nested_values(draw: st.DrawFn) -> Any:
    numbers = st.none() | st.integers(-(2**63), 2**63 - 1)
    struct = st.fixed_dictionaries(
        {
            "many": st.none() | st.lists(numbers, max_size=3),
            "by_name": st.none()
            | st.lists(st.tuples(st.text("ab", max_size=1), numbers), max_size=2),
        }
    )
    return draw(st.none() | st.lists(st.none() | struct, max_size=3))


@given(values=st.lists(nested_values(), max_size=6), offset=st.integers(0, 6))
def test_a_part_of_nested_values_is_what_python_reads_there(values: list[Any], offset: int) -> None:
    part = pa.array(values, NESTED).slice(offset)

    assert json_values(part) == json.loads(json.dumps(part.to_pylist()))
