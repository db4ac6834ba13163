"""What becomes of files and packages on their way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from libra_provider.clients.artifact import packed
from libra_provider.core.errors import BadInput


def test_from_a_zip_whatever_is_imported_from_its_folder_is_imported(tmp_path: Path) -> None:
    """Also from folders without ``__init__.py``, however deep."""
    package = tmp_path / "here" / "mylib"
    (package / "plain" / "deep").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "plain" / "deep" / "word.py").write_text("print('found')\n")
    archive = tmp_path / "mylib.zip"
    archive.write_bytes(b"".join(packed(package, parameter="py_files").content))
    importing = [sys.executable, "-c", "import mylib.plain.deep.word"]
    ended = subprocess.run(
        importing, env={"PYTHONPATH": str(archive)}, check=False, capture_output=True, text=True
    )

    assert ended.stdout == "found\n", ended.stderr


def test_a_package_does_not_lose_a_folder_that_is_a_link(tmp_path: Path) -> None:
    package = tmp_path / "mylib"
    package.mkdir()
    (package / "__init__.py").touch()
    (tmp_path / "elsewhere").mkdir()
    (package / "inner").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(BadInput, match="inner is a link to a directory"):
        packed(package, parameter="py_files")


@pytest.mark.parametrize(
    ("parameter", "item", "named"),
    [
        ("files", "my, file.txt#data.txt", "data.txt"),
        ("files", "a.txt", "a.txt"),
        ("files", "a.txt#", "a.txt#"),
        ("archives", "env.zip#env", "env.zip#env"),
    ],
)
def test_a_file_gets_the_name_after_its_path_and_an_archive_keeps_its_own(
    tmp_path: Path, parameter: str, item: str, named: str
) -> None:
    (tmp_path / item.partition("#")[0]).touch()
    artifact = packed(f"{tmp_path}/{item}", parameter=parameter)

    assert artifact.uri == f"artifact:{artifact.sha256}/{named}"


@pytest.mark.parametrize("item", ["a.txt#b, c.txt", "a, b.txt", "a, b.zip#c"])
def test_the_name_that_a_file_gets_must_be_one_that_travels(tmp_path: Path, item: str) -> None:
    (tmp_path / item.partition("#")[0]).touch()

    with pytest.raises(BadInput, match="the name of an uploaded file has at most"):
        packed(f"{tmp_path}/{item}", parameter="archives" if ".zip" in item else "files")


def test_the_name_of_a_path_may_hold_what_would_rename_a_string(tmp_path: Path) -> None:
    (tmp_path / "day#1").mkdir()
    (tmp_path / "day#1" / "a.txt").touch()

    assert packed(tmp_path / "day#1" / "a.txt", parameter="files").name == "a.txt"
