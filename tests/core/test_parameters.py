from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.parameters import as_json


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (5, 5),
        ("UA", "UA"),
        (True, True),
        (None, None),
        (0.5, 0.5),
        (float("nan"), {"type": "double", "value": "nan"}),
        (Decimal("1.50"), {"type": "decimal(3,2)", "value": "1.50"}),
        (Decimal("0.001"), {"type": "decimal(3,3)", "value": "0.001"}),
        (Decimal("12E3"), {"type": "decimal(5,0)", "value": "12000"}),
        (date(2013, 1, 1), {"type": "date", "value": "2013-01-01"}),
        (
            datetime.fromisoformat("2013-01-01T08:00:00"),
            {"type": "timestamp_ntz", "value": "2013-01-01T08:00:00"},
        ),
        (
            datetime(2013, 1, 1, tzinfo=UTC),
            {"type": "timestamp", "value": "2013-01-01T00:00:00+00:00"},
        ),
        (
            timedelta(days=-1, seconds=-7),
            {"type": "interval day to second", "value": "-1 00:00:07.000000"},
        ),
        (b"\x00\xff", {"type": "binary", "value": "AP8="}),
        ([date(2013, 1, 1)], [{"type": "date", "value": "2013-01-01"}]),
    ],
)
def test_a_value_travels_as_what_it_is(value: Any, wire: Any) -> None:
    assert as_json({"p": value}) == {"p": wire}
    assert as_json([value]) == [wire]


@pytest.mark.parametrize("wrong", [object(), Decimal("NaN"), Decimal(10) ** 40, {1, 2}])
def test_what_sql_has_no_value_for_is_named(wrong: object) -> None:
    with pytest.raises(BadInput, match=r"parameters\['p'\]="):
        as_json({"p": wrong})


@pytest.mark.parametrize("wrong", ["day", 5, b"x"])
def test_parameters_are_a_dict_or_a_list(wrong: Any) -> None:
    with pytest.raises(BadInput, match="parameters="):
        SparkJob(kind=Kind.SQL, code="select ?", parameters=wrong)


leaves = (
    st.none()
    | st.integers()
    | st.text()
    | st.floats()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**20), max_value=10**20
    )
)


@given(st.dictionaries(st.text(), st.recursive(leaves, st.lists, max_leaves=5)))
def test_a_job_keeps_them_in_a_form_that_json_has_and_changes_them_once(given: Any) -> None:
    """A copy of a job checks its parameters again."""
    job = SparkJob(kind=Kind.SQL, code="select 1", parameters=given)

    assert json.loads(json.dumps(job.parameters, allow_nan=False)) == job.parameters
    assert job.replace(name="again").parameters == job.parameters
