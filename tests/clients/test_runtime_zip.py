from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from libra_provider.clients import runtime_zip

with zipfile.ZipFile(io.BytesIO(runtime_zip.runtime_zip().content)) as _archive:
    MODULES = {name: _archive.read(name).decode() for name in _archive.namelist()}


def names_imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield str(node.module)


@pytest.mark.parametrize("name", MODULES)
def test_the_runtime_zip_needs_the_standard_library_and_pyspark_only(name: str) -> None:
    """Workers have nothing else; pyarrow is used where it is."""
    foreign = {each.split(".")[0] for each in names_imported(MODULES[name])}
    allowed = {"libra_provider", "pyspark", "py4j", "pyarrow"}

    assert foreign - sys.stdlib_module_names <= allowed


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_of_the_runtime_zip_imports_of_ours_is_in_the_runtime_zip(name: str) -> None:
    ours = {each for each in names_imported(MODULES[name]) if each.startswith("libra_provider.")}
    modules = {each.removesuffix(".py").replace("/", ".") for each in MODULES}
    packages = {each.removesuffix(".__init__") for each in modules}
    missing = {each for each in ours if each not in packages | modules}

    # What is left are names in modules that are there.
    assert {each.rpartition(".")[0] for each in missing} <= packages | modules


@pytest.mark.parametrize("name", MODULES)
def test_the_runtime_zip_is_read_by_the_oldest_python_of_spark(name: str) -> None:
    tree = ast.parse(MODULES[name], feature_version=(3, 9))
    words = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}

    assert not words & {"slots", "kw_only", "strict"}


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    """Another time zone, umask and process: a Libra keeps it once."""
    words = "import os; os.umask(0o77); from libra_provider.clients import runtime_zip; "
    words += "print(runtime_zip.runtime_zip().sha256, runtime_zip.bootstrap().sha256)"
    done = subprocess.run(
        [sys.executable, "-c", words],
        env={"TZ": "Asia/Tokyo", "PYTHONPATH": str(Path(runtime_zip.__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == [runtime_zip.runtime_zip().sha256, runtime_zip.bootstrap().sha256]


def test_the_runtime_zip_is_small_and_has_its_bootstrap() -> None:
    assert MODULES["libra_provider/jobs/bootstrap.py"].encode() == runtime_zip.bootstrap().content
    assert len(runtime_zip.runtime_zip().content) < 100_000
