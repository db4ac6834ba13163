"""What is shipped: a file, a Python package or a string, addressed by the hash of its bytes."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from libra_provider.clients.http.content import Content
from libra_provider.core.errors import BadInput
from libra_provider.core.paths import shippable_name
from libra_provider.core.units import MIB, readable_size

_PIECE = 2**18  # bytes
_LARGEST_PACKAGE = 256 * MIB
_CACHES = ("__pycache__",)
_COMPILED = (".pyc", ".pyo")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first day that a zip can name
_READABLE_FILE, _READABLE_FOLDER = 0o100644 << 16, 0o40755 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes of a file, or in memory, to be stored in Libra under *name*."""

    sha256: str
    name: str
    size: int
    source: Path | bytes = field(repr=False, compare=False)
    fragment: str = field(default="", compare=False)
    """What follows its name for Spark: ``#env``, under which an archive is unpacked."""

    @property
    def uri(self) -> str:
        """Return how Libra's statements refer to it."""
        return f"artifact:{self.sha256}/{self.name}{self.fragment}"

    @property
    def content(self) -> Content:
        """Return its bytes for a request; reading raises BadInput if the file has changed."""
        return Content(self.size, self._pieces)

    def _pieces(self) -> Iterator[bytes]:
        left = self.size
        with _opened(self.source, self.name) as file:
            while piece := file.read(_PIECE):
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        if left:
            raise BadInput("artifact", self.name, "the file changed during its upload; try again")


def packed(item: str | Path, *, parameter: str) -> Artifact:
    """Return the file *item*, or for ``py_files`` a zip of the package *item*; raises BadInput.

    A string may end in ``#NAME``, the name that the file gets. A Path is used unchanged.
    """
    path, mark, alias = item.partition("#") if isinstance(item, str) else (item, "", "")
    artifact = _packed(Path(path), parameter)
    # Spark reads the type of an archive from its name, and unpacks it under the other one.
    if parameter == "archives" or not alias:
        artifact = replace(artifact, fragment=f"{mark}{alias}")
    else:
        artifact = replace(artifact, name=alias)
    shippable_name(artifact.name, parameter=parameter)
    return artifact


def text(name: str, content: bytes) -> Artifact:
    """Return *content* as a file named *name*."""
    return Artifact(hashlib.sha256(content).hexdigest(), name, len(content), content)


def _packed(path: Path, parameter: str) -> Artifact:
    if path.is_dir() and parameter == "py_files":
        return text(f"{path.name}.zip", _zipped(path))
    if path.is_dir():
        expected = "only py_files accept a directory (a package); pack it into an archive"
        raise BadInput(parameter, str(path), expected)
    with _opened(path, parameter) as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Artifact(sha256, path.name, file.tell(), path)


def _opened(source: Path | bytes, parameter: str) -> io.BufferedReader | io.BytesIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    try:
        return source.open("rb")
    except OSError as error:
        raise BadInput(parameter, str(source), f"it cannot be read ({error.strerror})") from error


def _zipped(package: Path) -> bytes:
    """Return an importable zip of the package: the same bytes for the same files.

    It is not compressed, because the zlib of another machine might produce different bytes.
    """
    if not (package / "__init__.py").is_file():
        expected = "the directory has no __init__.py; pass a package, or a zip of modules"
        raise BadInput("py_files", str(package), expected)
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        files = _files_of(package)
        for folder in _folders_of(files, package.parent):
            archive.writestr(zip_entry(f"{folder}/", _READABLE_FOLDER), b"")
        for file in files:
            with _opened(file, "py_files") as source:
                name = str(file.relative_to(package.parent))
                archive.writestr(zip_entry(name), source.read())
            if buffer.tell() > _LARGEST_PACKAGE:
                most = readable_size(_LARGEST_PACKAGE)
                raise BadInput(
                    "py_files", str(package), f"it is larger than {most}; pass it as a zip"
                )
    return buffer.getvalue()


def zip_entry(name: str, rights: int = _READABLE_FILE) -> ZipInfo:
    """Return an entry of a zip that does not depend on the time or the operating system."""
    entry = ZipInfo(name, date_time=_LONG_AGO)
    entry.external_attr, entry.create_system = rights, _UNIX
    return entry


def _folders_of(files: list[Path], above: Path) -> list[Path]:
    """Return the folders of *files*, relative; Python does not find those a zip does not list."""
    inside = {folder for each in files for folder in each.relative_to(above).parents}
    return sorted(inside - {Path()})


def _files_of(package: Path) -> list[Path]:
    """Return the package's files in order, without caches and hidden files."""
    found: list[Path] = []
    for folder, folders, files in os.walk(package):
        folders[:] = [each for each in folders if each not in _CACHES and each[0] != "."]
        # It may lead to a folder above it, and the walk would not end.
        if link := next((each for each in folders if Path(folder, each).is_symlink()), None):
            expected = f"{link} is a link to a directory, which is not followed; copy the directory"
            raise BadInput("py_files", str(package), expected)
        wanted = [each for each in files if not each.endswith(_COMPILED) and each[0] != "."]
        found += [Path(folder, each) for each in wanted]
    return sorted(found)
