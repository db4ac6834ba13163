"""Where the files of a job are."""

from __future__ import annotations

import re
from pathlib import Path

from libra_provider.core.errors import BadInput

LISTS = ("py_files", "jars", "files", "archives")
"""The parameters of a job that are lists of files."""
# The excluded characters have a meaning in a path, in a URL, or in Spark's lists of files.
NAME = r"[^\x00-\x1f\x7f/\\,#?%:;*\[\]{}|<>\"']{1,200}"
_NAME = re.compile(NAME)
_LONGEST_NAME = 200  # bytes


def shippable_name(name: str, *, parameter: str) -> str:
    """*name*, by which a file can be shipped; raises BadInput."""
    fits = len(name.encode("utf-8", "replace")) <= _LONGEST_NAME and name.isprintable()
    if not fits or not _NAME.fullmatch(name) or name.strip(" ") != name or not name.strip("."):
        expected = (
            f"the name of an uploaded file has at most {_LONGEST_NAME} bytes, and none of "
            """\\ , # ? % : ; * [ ] { } | < > " '; rename it"""
        )
        raise BadInput(parameter, name, expected)
    return name


def scheme(path: str) -> str:
    """The scheme of a URL, lower-case; empty for a path."""
    found, colon, _ = path.split("/", 1)[0].partition(":")
    return found.lower() if colon else ""


def is_absolute(path: str) -> bool:
    """Whether *path*, or URL, means the same in every folder."""
    return path.startswith("/") or bool(scheme(path))


def at_libra(path: str, beside: Path, *, parameter: str) -> str:
    """*path* as it is sent to Libra, maybe on another host; raises BadInput.

    A relative path is resolved in the folder *beside*, and must exist. Only Libra knows whether an
    absolute path exists.
    """
    return path if path.startswith("/") else located(path, beside, parameter=parameter)


def located(path: str, beside: Path, *, parameter: str) -> str:
    """*path* as a driver finds it: URLs unchanged, files absolute; raises BadInput if missing.

    A relative path is resolved in the folder *beside*; what follows ``#`` is kept.
    """
    if not path:
        raise BadInput(parameter, path, "expected the path or URL of a file")
    if scheme(path):
        return path
    file, _, fragment = path.partition("#")
    found = _normal(beside / file)
    if not found.exists():
        raise BadInput(parameter, path, f"there is no file {found}")
    if "#" in str(found):
        expected = f"Spark takes what follows # in {found} for an alias; rename the file or folder"
        raise BadInput(parameter, path, expected)
    return f"{found}#{fragment}" if fragment else str(found)


def read_text(path: Path, *, parameter: str) -> str:
    """The content of a text file, without a byte order mark, in any locale; raises BadInput."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(parameter, str(path), f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BadInput(parameter, str(path), "expected a file in UTF-8") from error


def _normal(path: Path) -> Path:
    """*path* without ``..``; a link that it names is not followed: drivers know its own name."""
    return path.resolve() if path.name == ".." else path.parent.resolve() / path.name
