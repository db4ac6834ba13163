"""Our own files that are shipped with jobs: the bootstrap, and the zip of modules that it loads.

They have the same bytes on every machine, so Libra stores them once.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from libra_provider.clients.artifact import zip_entry

_PACKAGE = Path(__file__).parent.parent
_VOCABULARY = ("errors", "masking")


@dataclass(frozen=True, slots=True)
class RuntimeFile:
    """A file in memory; ``sha256`` is its address."""

    name: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Return the SHA-256 in hexadecimal, as for artifacts."""
        return hashlib.sha256(self.content).hexdigest()


@cache
def bootstrap() -> RuntimeFile:
    """Return the program that SparkSubmit runs in place of the application."""
    return RuntimeFile("bootstrap.py", (_PACKAGE / "jobs" / "bootstrap.py").read_bytes())


@cache
def runtime_zip() -> RuntimeFile:
    """Return a zip that ``libra_provider.jobs`` is imported from; workers may also unpack it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in _modules().items():
            archive.writestr(zip_entry(f"{_PACKAGE.name}/{name}"), text)
    return RuntimeFile("libra-runtime.zip", content.getvalue())


def _modules() -> dict[str, bytes]:
    jobs = [f"jobs/{path.name}" for path in sorted((_PACKAGE / "jobs").glob("*.py"))]
    names = ["__init__.py", *(f"core/{name}.py" for name in _VOCABULARY), *jobs]
    # Our core/__init__.py would import all of core.
    return {"core/__init__.py": b""} | {name: (_PACKAGE / name).read_bytes() for name in names}
