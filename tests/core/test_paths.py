"""Where the files of a job are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from libra_provider.core.errors import BadInput
from libra_provider.core.paths import located, read_text


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


def test_code_is_read_in_utf_8_without_a_byte_order_mark(tmp_path: Path) -> None:
    """An editor on Windows writes the mark, which no reader sees and no parser takes."""
    file = tmp_path / "größe.py"
    file.write_bytes(b"\xef\xbb\xbfprint('gr\xc3\xb6\xc3\x9fe')")

    assert read_text(file, parameter="python") == "print('größe')"


def test_a_file_that_cannot_be_read_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"'gr\xf6\xdfe'")

    with pytest.raises(
        BadInput, match=r"gone\.py'.* it cannot be read \(No such file or directory\)"
    ):
        read_text(tmp_path / "gone.py", parameter="python")
    with pytest.raises(BadInput, match=r"latin\.py'.* expected a file in UTF-8"):
        read_text(tmp_path / "latin.py", parameter="python")
