"""Tables of a persistent catalog outlive Libra; docs/libra.md shows these very properties."""

from __future__ import annotations

import os
import signal
import tomllib
from pathlib import Path

import pytest

from libra_provider.cluster.libra import LocalLibra
from tests.spark.statements import WAIT, Client

ROOT = Path(__file__).parents[2]


def documented(folder: Path) -> dict[str, str]:
    """The properties that the documentation gives for a Hive catalog, below *folder*."""
    text = (ROOT / "docs" / "libra.md").read_text()
    block = text.partition("**Hive's catalog in a file**")[2].split("```")[1]
    properties: dict[str, str] = tomllib.loads(block.removeprefix("toml"))["spark"]
    return {key: value.replace("/srv/libra", str(folder)) for key, value in properties.items()}


@pytest.mark.slow  # two Libras, and a new metastore
def test_tables_of_the_documented_catalog_outlive_a_killed_libra(tmp_path: Path) -> None:
    settings = documented(tmp_path)
    with LocalLibra("local[2]", spark=settings, data_dir=tmp_path / "data") as first:
        api = Client(first.url, token=first.token)
        made = api.submit("CREATE TABLE flights AS SELECT 42 AS n", WAIT)
        os.kill(first.process.pid, signal.SIGKILL)
    with LocalLibra("local[2]", spark=settings, data_dir=tmp_path / "data") as second:
        api = Client(second.url, token=second.token)
        found = api.submit("SELECT n FROM flights", WAIT)
        rows = api.rows(found["jobId"])["rows"]

    assert made["state"] == "SUCCESS", made
    assert rows == [[42]]
