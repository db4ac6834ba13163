from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

from libra_provider.server import results


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**62, 2**62),
        (Decimal("1.50"), "1.50"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
        (timedelta(days=1, seconds=2, microseconds=3), "P1DT2.000003S"),
        (timedelta(days=-1), "-P1DT0.000000S"),
        (b"\x00\xff", "AP8="),
        ([(1, b"x")], [[1, "eA=="]]),
        ({"a": {"b": Decimal(1)}}, {"a": {"b": "1"}}),
    ],
    ids=str,
)
def test_a_value_keeps_its_exactness_in_json(value: Any, expected: Any) -> None:
    assert results.json_value(value) == expected


def test_a_page_beyond_the_end_is_empty_and_still_counts_all(tmp_path: Path) -> None:
    path = results.path_of(tmp_path, "id")
    results.write(path, pa.table({"n": [1, 2, 3]}), '{"type": "struct"}')
    page = results.page(path, offset=7, limit=2)

    assert (page["rows"], page["rowCount"], page["schema"]) == ([], 3, {"type": "struct"})
    assert list(tmp_path.iterdir()) == [path]


def test_two_columns_may_have_one_name(tmp_path: Path) -> None:
    path = results.path_of(tmp_path, "id")
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["x"])], names=["a", "a"])
    results.write(path, table, "{}")

    assert results.page(path, offset=0, limit=1)["rows"] == [[1, "x"]]
