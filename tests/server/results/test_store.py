from __future__ import annotations

from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from libra_provider.server.results import store


def test_a_page_beyond_the_end_is_empty_and_still_counts_all(tmp_path: Path) -> None:
    path = store.path_of(tmp_path, "id")
    store.write(path, pa.table({"n": [1, 2, 3]}), '{"type": "struct"}')
    page = store.page(path, offset=7, limit=2)

    assert (page["rows"], page["rowCount"], page["schema"]) == ([], 3, {"type": "struct"})
    assert list(tmp_path.iterdir()) == [path]


def test_two_columns_may_have_one_name(tmp_path: Path) -> None:
    path = store.path_of(tmp_path, "id")
    table = pa.Table.from_arrays([pa.array([1]), pa.array(["x"])], names=["a", "a"])
    store.write(path, table, "{}")

    assert store.page(path, offset=0, limit=1)["rows"] == [[1, "x"]]


def test_rows_without_columns_are_as_many_as_there_are(tmp_path: Path) -> None:
    """A DDL statement has neither columns nor rows; Arrow's slice of nothing has some."""
    path = store.path_of(tmp_path, "id")
    store.write(path, pa.table({}), "{}")

    assert store.page(path, offset=0, limit=5)["rows"] == []
