"""Where the files of a job are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.paths import located


def test_a_link_keeps_its_own_name(tmp_path: Path) -> None:
    """By that name the program opens or imports it."""
    (tmp_path / "airports-2026.csv").touch()
    (tmp_path / "airports.csv").symlink_to("airports-2026.csv")
    (tmp_path / "inner").mkdir()
    found = located("airports.csv#table", tmp_path, parameter="files")

    assert found == f"{tmp_path.resolve()}/airports.csv#table"
    assert located("inner/..", tmp_path, parameter="py_files") == str(tmp_path.resolve())


def test_a_folder_whose_name_would_be_cut_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "c#").mkdir()
    (tmp_path / "c#" / "etl.py").touch()

    with pytest.raises(BadInput, match=r"c#/etl\.py for an alias"):
        located("etl.py", tmp_path / "c#", parameter="application")
