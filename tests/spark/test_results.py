from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spark.statements import WAIT, Client, SparkPage

MIB = 2**20


def test_rows_of_a_megabyte_end_early_everywhere(api: Client) -> None:
    """A thousand of them would be a gigabyte in one executor, in the driver and in Libra."""
    wide = "SELECT id, repeat('x', 1048576) AS wide FROM range(1000)"
    refused = api.submit(wide, WAIT)
    results = SparkPage(refused).stages(refused["jobId"])

    assert refused["errorClass"] == "LIBRA_RESULT_TOO_LARGE"
    assert "64 MiB" in refused["error"]
    assert refused["resultBytes"] >= 64 * MIB
    assert refused["rowCount"] is None
    assert "resultPath" in refused["error"]
    # What Spark itself counted on its way to the driver.
    assert sum(each["resultSize"] for each in results) < 2 * 70 * MIB


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        ("SELECT id > 5 AS small FROM range(6000000)", 6_000_000),
        ("SELECT array_repeat(true, 1000) AS many FROM range(50000)", 50_000),
        ("SELECT id AS it FROM range(8000000)", 8_000_000),
    ],
    ids=["booleans", "arrays of booleans", "numbers"],
)
def test_what_fits_is_never_cut_or_refused(api: Client, code: str, rows: int) -> None:
    """Bytes are counted as Arrow has them: a guess above would lose rows, or refuse them."""
    body = api.submit(code, WAIT, resultLimit=rows)

    assert (body["state"], body["rowCount"]) == ("SUCCESS", rows)


def test_the_order_of_rows_survives(api: Client) -> None:
    body = api.submit("SELECT id FROM range(900) ORDER BY id DESC", WAIT)

    assert api.arrow(body["jobId"]).read_all()["id"].to_pylist() == list(range(899, -1, -1))


@pytest.mark.parametrize(
    "code",
    ["DESCRIBE FUNCTION EXTENDED abs", "SELECT id FROM range(0, 9000, 1, 9) WHERE id % 18 = 0"],
    ids=["command", "query"],
)
def test_few_rows_of_many_tasks_are_not_shuffled_into_one(api: Client, code: str) -> None:
    """A shuffle mixes them: DESCRIBE returned the columns of a table in any order."""
    body = api.submit(code, WAIT)
    stages = SparkPage(body).stages(body["jobId"])

    assert body["state"] == "SUCCESS"
    assert len(stages) == 1, stages


def test_the_first_of_many_sorted_rows_are_found_without_sorting_all(api: Client) -> None:
    body = api.submit("SELECT id, id % 7 AS d FROM range(0, 9000, 1, 9) ORDER BY d", WAIT)
    plan = SparkPage(body).plan(body["jobId"])

    assert body["errorClass"] == "LIBRA_RESULT_TOO_LARGE"
    assert "TakeOrderedAndProject" in plan, plan


def test_what_arrow_cannot_carry_is_iso_text_however_deep(api: Client) -> None:
    body = api.submit(
        "SELECT INTERVAL '1-2' YEAR TO MONTH AS a, make_interval(1, 2, 0, -3, 4, 5, -6.5) AS b,"
        " INTERVAL 3 YEAR AS c, array(-INTERVAL 14 MONTH, null) AS d,"
        " map(INTERVAL 1 YEAR, named_struct('x `y', parse_json('{\"k\": [1, null]}'))) AS e,"
        " parse_json('\"s\"') AS f, CAST(null AS struct<i: interval month>) AS g",
        WAIT,
    )

    assert api.rows(body["jobId"])["rows"] == [
        [
            "P1Y2M",
            "P1Y2M-3DT4H4M53.500000S",
            "P3Y0M",
            ["-P1Y2M", None],
            [["P1Y0M", {"x `y": '{"k":[1,null]}'}]],
            '"s"',
            None,
        ]
    ]


def test_what_is_empty_and_of_no_type_is_a_value(api: Client) -> None:
    """pyarrow says of it that "a null type field may not be non-nullable"."""
    body = api.submit("SELECT array() a, map() m, array(array()) n, array(null) o, null v", WAIT)
    page = api.rows(body["jobId"])

    assert page["rows"] == [[[], [], [[]], [None], None]]
    assert page["schema"]["fields"][0]["type"]["elementType"] == "void"
    assert api.arrow(body["jobId"]).read_all().num_rows == 1


def test_moments_are_told_in_utc_whatever_the_session_thinks(api: Client) -> None:
    api.submit("SET spark.sql.session.timeZone = Asia/Kathmandu", WAIT, session="far")
    body = api.submit(
        "SELECT TIMESTAMP '2026-01-01 00:00:00' AS t, TIMESTAMP_NTZ '0001-01-01 00:00:00' AS n,"
        " DATE '1500-02-28' AS d, DATE '9999-12-31' AS e, TIME '01:02:03.5' AS f",
        WAIT,
        session="far",
    )

    assert api.rows(body["jobId"])["rows"] == [
        [
            "2025-12-31T18:15:00+00:00",
            "0001-01-01T00:00:00",
            "1500-02-28",
            "9999-12-31",
            "01:02:03.500000",
        ]
    ]


def test_columns_may_share_a_name_and_there_may_be_none(api: Client) -> None:
    twice = api.submit("SELECT 1 AS a, 'x' AS A, INTERVAL 1 MONTH AS a", WAIT)
    none = api.submit("CREATE OR REPLACE TEMP VIEW nothing AS SELECT 1", WAIT)
    empty = api.submit("SELECT null AS n, CAST(1 AS DECIMAL(38, 3)) AS d FROM range(0)", WAIT)

    assert api.rows(twice["jobId"])["columns"] == ["a", "A", "a"]
    assert api.rows(twice["jobId"])["rows"] == [[1, "x", "P0Y1M"]]
    assert api.rows(none["jobId"])["rows"] == []
    assert (empty["state"], empty["rowCount"]) == ("SUCCESS", 0)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "decimal(38,2)", "value": "1" * 36 + ".25"}, "1" * 36 + ".25"),
        ({"type": "date", "value": "2026-01-31"}, "2026-01-31"),
        ({"type": "timestamp", "value": "2026-01-01 00:00:00+02:00"}, "2025-12-31T22:00:00+00:00"),
        ({"type": "timestamp_ntz", "value": "2026-01-01 00:00:00"}, "2026-01-01T00:00:00"),
        ({"type": "binary", "value": "AP8="}, "AP8="),
        ({"type": "double", "value": "NaN"}, "NaN"),
        ({"type": "array<date>", "value": ["2026-01-31", None]}, ["2026-01-31", None]),
        ({"type": "map<string,bigint>", "value": {"a": 5}}, [["a", 5]]),
        ({"type": "map<int,string>", "value": [[1, "x"]]}, [[1, "x"]]),
        ({"type": "struct<a:int,b:tinyint>", "value": {"a": 1, "b": None}}, {"a": 1, "b": None}),
        ({"type": "interval day to second", "value": "1 02:03:04.5"}, "P1DT7384.500000S"),
        ({"type": "variant", "value": '{"a": 1}'}, '{"a":1}'),
        ({"type": "string", "value": 'it\'s \\ "so"'}, 'it\'s \\ "so"'),
        ({"type": "int", "value": None}, None),
        ({"x": 1, "y": [None, "z"]}, {"x": 1, "y": [None, "z"]}),
        ([[1], [], None], [[1], [], None]),
        (2**70, str(2**70)),
        (1.5, 1.5),
        (None, None),
    ],
    ids=str,
)
def test_a_parameter_of_any_type_arrives(api: Client, given: Any, told: Any) -> None:
    named = api.submit("SELECT :it AS it", WAIT, parameters={"it": given})
    listed = api.submit("SELECT 1, ? AS it", WAIT, parameters=[given])

    assert api.rows(named["jobId"])["rows"] == [[told]]
    assert api.rows(listed["jobId"])["rows"] == [[1, told]]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"type": "dat", "value": 1}, "Spark has no such type"),
        ({"type": "date", "value": "' OR 1=1"}, "cannot be cast to"),
        ({"type": "array<int>", "value": "1"}, "it is not a value of type array<int>"),
    ],
    ids=str,
)
def test_a_parameter_that_is_no_value_of_its_type_is_told(
    api: Client, given: Any, says: str
) -> None:
    body = api.submit("SELECT :it", WAIT, parameters={"it": given})

    assert body["state"] == "FAILED"
    assert says in body["error"]


def test_written_rows_stay_on_storage_and_a_retry_replaces_them(
    api: Client, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    first = _write(api, "SELECT id, make_interval(1) AS i FROM range(5000)", target)
    second = _write(api, "SELECT id, id % 2 AS odd FROM range(3000)", target)
    found = pq.read_table(target)

    assert (first["state"], first["rowCount"]) == ("SUCCESS", 5000)
    assert (second["resultUri"], second["rowCount"]) == (f"file:{target}", 3000)
    assert (found.num_rows, found.column_names) == (3000, ["id", "odd"])
    assert second["resultBytes"] == sum(each.stat().st_size for each in target.glob("part-*"))


def test_no_rows_are_written_as_an_empty_table(api: Client, tmp_path: Path) -> None:
    body = _write(api, "SELECT id FROM range(9) WHERE id < 0", tmp_path / "out")

    assert (body["state"], body["rowCount"]) == ("SUCCESS", 0)
    assert pq.read_table(tmp_path / "out").num_rows == 0


def test_nobodys_data_is_replaced(api: Client, tmp_path: Path) -> None:
    (tmp_path / "precious.csv").write_text("1,2")
    foreign = _write(api, "SELECT 1 AS a", tmp_path)
    plain = _write(api, "SELECT 1 AS a", tmp_path / "precious.csv")

    assert "'precious.csv', which Libra has not written" in foreign["error"]
    assert "it is a file; name a folder" in plain["error"]
    assert (tmp_path / "precious.csv").read_text() == "1,2"


def test_a_query_does_not_destroy_what_it_reads(api: Client, tmp_path: Path) -> None:
    _write(api, "SELECT id FROM range(10)", tmp_path / "out")
    again = _write(api, f"SELECT * FROM parquet.`{tmp_path}/out`", tmp_path / "out")

    assert "the query reads it; name another folder" in again["error"]
    assert pq.read_table(tmp_path / "out").num_rows == 10


def _write(api: Client, code: str, target: Path) -> dict[str, Any]:
    return api.submit(code, WAIT, resultPath=str(target))


# Each way to say a value in SQL, and what JSON says of it.
Said = tuple[str, Any]
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))  # noqa: DTZ001  # has no zone
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
EXACT = Context(prec=38)


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Said]:
    most = 10**precision - 1
    unscaled = st.integers(-most, most).map(lambda n: f"{Decimal(n).scaleb(-scale, EXACT):f}")
    return unscaled.map(lambda text: (f"CAST('{text}' AS DECIMAL({precision},{scale}))", text))


def _double(value: float) -> Said:
    text = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return f"CAST('{value!r}' AS DOUBLE)", value if math.isfinite(value) else text


def _span(value: timedelta) -> Said:
    sign, micros = "-" if value < timedelta() else "", abs(value) // timedelta(microseconds=1)
    seconds, rest = divmod(micros, 10**6)
    days, left = divmod(seconds, 86_400)
    return f"INTERVAL '{sign}{seconds}.{rest:06d}' SECOND", f"{sign}P{days}DT{left}.{rest:06d}S"


def _nested(name: str) -> Callable[[list[Said]], Said]:
    return lambda said: (
        f"{name}({', '.join(sql for sql, _ in said)})",
        [told for _, told in said],
    )


def _months(count: int) -> Said:
    years, months = divmod(abs(count), 12)
    return f"INTERVAL '{count}' MONTH", f"{'-' if count < 0 else ''}P{years}Y{months}M"


NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1).map(lambda n: (f"{n}L", n))
MONTHS = st.integers(-(10**6), 10**6).map(_months)
TYPED: dict[str, st.SearchStrategy[Said]] = {
    "bigint": NUMBERS,
    "decimal(38,18)": _decimals(38, 18),
    "decimal(5,0)": _decimals(5, 0),
    "double": st.floats(width=64).map(_double),
    "string": TEXT.map(lambda text: (f"CAST(X'{text.encode().hex()}' AS STRING)", text)),
    "date": DAYS.map(lambda day: (f"DATE '{day:%4Y-%m-%d}'", day.isoformat())),
    "timestamp_ntz": MOMENTS.map(
        lambda at: (f"TIMESTAMP_NTZ '{at.isoformat(' ')}'", at.isoformat())
    ),
    "timestamp": MOMENTS.map(
        lambda at: (f"TIMESTAMP '{at.isoformat(' ')}Z'", f"{at.isoformat()}+00:00")
    ),
    "duration": st.timedeltas(timedelta(days=-9999), timedelta(days=9999)).map(_span),
    "months": MONTHS,
    "variant": st.integers()
    .map(abs)
    .map(lambda n: (f"parse_json('[{n % 10**9}]')", f"[{n % 10**9}]")),
    "arrays": st.lists(NUMBERS, min_size=1, max_size=3).map(_nested("array")),
    "months in arrays": st.lists(MONTHS, min_size=1, max_size=3).map(_nested("array")),
}


@pytest.mark.parametrize("kind", TYPED)
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_values_survive_on_their_way_through_json(
    api: Client, kind: str, data: st.DataObject
) -> None:
    """Thirty at a time: a statement costs more than a value."""
    said = data.draw(st.lists(st.none() | TYPED[kind], min_size=1, max_size=30))
    values = ", ".join(
        f"({place}, {each[0] if each else 'null'})" for place, each in enumerate(said)
    )
    body = api.submit(f"SELECT it FROM VALUES {values} AS t(place, it) ORDER BY place", WAIT)

    assert body["state"] == "SUCCESS", body
    told = [it for (it,) in api.rows(body["jobId"])["rows"]]
    assert told == json.loads(json.dumps([each and each[1] for each in said]))
