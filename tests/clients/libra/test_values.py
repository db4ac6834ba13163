from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.clients.libra.values import as_python
from libra_provider.core.errors import LibraError, ProtocolError
from libra_provider.server.results.to_json import json_values


def schema(*types: Any) -> dict[str, Any]:
    return {"type": "struct", "fields": [{"name": f"c{n}", "type": t} for n, t in enumerate(types)]}


def read(data_type: Any, value: Any) -> Any:
    [[found]] = as_python("http://l:8990", schema(data_type), [[value]])
    return found


def struct(**fields: Any) -> dict[str, Any]:
    return {"type": "struct", "fields": [{"name": n, "type": t} for n, t in fields.items()]}


def array(element: Any) -> dict[str, Any]:
    return {"type": "array", "elementType": element, "containsNull": True}


def mapping(key: Any, value: Any) -> dict[str, Any]:
    return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}


@pytest.mark.parametrize(
    ("data_type", "on_the_wire", "value"),
    [
        ("long", 5, 5),
        ("string", "5", "5"),
        ("boolean", True, True),
        ("void", None, None),
        ("decimal(38,18)", "0.100000000000000000", Decimal("0.100000000000000000")),
        ("date", "2013-01-31", date(2013, 1, 31)),
        ("date", "+12013-01-31", "+12013-01-31"),
        ("timestamp", "-0001-01-31T08:00:00+00:00", "-0001-01-31T08:00:00+00:00"),
        ("time(6)", "08:30:00.000001", time(8, 30, 0, 1)),
        ("timestamp", "2013-01-31T08:00:00+00:00", datetime(2013, 1, 31, 8, tzinfo=UTC)),
        ("binary", "AP8=", b"\x00\xff"),
        ("double", "-Infinity", float("-inf")),
        ("interval day to second", "-P1DT7.000005S", -timedelta(days=1, seconds=7, microseconds=5)),
        ("interval year to month", "P1Y2M", "P1Y2M"),
        ("variant", '{"a":1}', '{"a":1}'),
        (array("decimal(3,1)"), ["1.5", None], [Decimal("1.5"), None]),
        (mapping("date", "binary"), [["2013-01-31", "AA=="]], {date(2013, 1, 31): b"\x00"}),
        (mapping(array("long"), "long"), [[[1], 2]], [([1], 2)]),
        (
            struct(d="date", n="long"),
            {"d": "2013-01-31", "n": None},
            {"d": date(2013, 1, 31), "n": None},
        ),
        ({"type": "udt", "class": "x", "sqlType": array("double")}, [1, 2.5], [1.0, 2.5]),
    ],
)
def test_a_value_becomes_pythons_by_sparks_schema(
    data_type: Any, on_the_wire: Any, value: Any
) -> None:
    assert read(data_type, on_the_wire) == value
    assert read(data_type, None) is None


def test_a_timestamp_without_zone_gets_none() -> None:
    assert read("timestamp_ntz", "2013-01-31T08:00:00").tzinfo is None


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        ("decimal(3,1)", "many"),
        ("date", "today"),
        ("date", 5),
        ("binary", "?"),
        ("interval day to second", "soon"),
        (array("date"), "2013-01-31"),
        (mapping("long", "long"), [[1]]),
        (struct(d="date"), {"e": "2013-01-31"}),
        ({"type": "heap"}, 5),
    ],
)
def test_a_value_that_is_not_of_its_type_is_an_error_of_ours(data_type: Any, value: Any) -> None:
    with pytest.raises(ProtocolError, match="does not match the schema"):
        read(data_type, value)


simple = {
    "decimal(38,6)": st.decimals(places=6, min_value=-(10**30), max_value=10**30),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.just(UTC)),
    "timestamp_ntz": st.datetimes(),
    "time(6)": st.times(),
    "binary": st.binary(max_size=9),
    "double": st.floats(allow_nan=False),
    "interval day to second": st.timedeltas(timedelta(days=-(10**8)), timedelta(days=10**8)),
    "string": st.text(max_size=9),
    "long": st.integers(-(2**63), 2**63 - 1),
}
ARROW = {
    "decimal(38,6)": pa.decimal128(38, 6),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "time(6)": pa.time64("us"),
    "binary": pa.binary(),
    "double": pa.float64(),
    "interval day to second": pa.duration("us"),
    "string": pa.string(),
    "long": pa.int64(),
}


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    name = draw(st.sampled_from(list(simple)))
    values, arrow = simple[name], ARROW[name]
    match draw(st.integers(0, 2)):
        case 0:
            return name, arrow, draw(st.none() | values)
        case 1:
            several = st.lists(st.none() | values, max_size=3)
            return array(name), pa.list_(arrow), draw(several)
        case _:
            fields = {"a": arrow, "b": pa.list_(arrow)}
            value = {"a": draw(values), "b": [draw(values)]}
            return struct(a=name, b=array(name)), pa.struct(fields.items()), value


@given(typed_values())
def test_what_the_server_writes_is_read_back_exactly(typed: tuple[Any, Any, Any]) -> None:
    data_type, arrow, value = typed
    [on_the_wire] = json.loads(json.dumps(json_values(pa.array([value], arrow))))

    assert read(data_type, on_the_wire) == value


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
words = st.sampled_from([*simple, "array", "map", "struct", "udt", "fields", "elementType", "type"])
types = st.recursive(
    words | anything, lambda inner: st.dictionaries(words, inner | st.lists(inner)), max_leaves=6
)


@given(types, anything)
def test_any_schema_and_value_are_read_or_become_an_error_of_ours(
    data_type: Any, value: Any
) -> None:
    with contextlib.suppress(LibraError):
        read(data_type, value)
