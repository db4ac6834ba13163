"""What travels with jobs that is ours: the bootstrap, and the zip of modules that it loads.

The same files make the same bytes on every machine, so that a Libra keeps them once.
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
    """A file by content; ``sha256`` is the address of its bytes."""

    name: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Hexadecimal, as artifacts have it."""
        return hashlib.sha256(self.content).hexdigest()


@cache
def bootstrap() -> RuntimeFile:
    """The program that SparkSubmit runs, for the application's sake."""
    return RuntimeFile("bootstrap.py", (_PACKAGE / "jobs" / "bootstrap.py").read_bytes())


@cache
def runtime_zip() -> RuntimeFile:
    """A zip that Python imports ``libra_provider.jobs`` from; workers may also unpack it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in _modules().items():
            archive.writestr(zip_entry(f"{_PACKAGE.name}/{name}"), text)
    return RuntimeFile("libra-runtime.zip", content.getvalue())


def _modules() -> dict[str, bytes]:
    jobs = [f"jobs/{path.name}" for path in sorted((_PACKAGE / "jobs").glob("*.py"))]
    names = ["__init__.py", *(f"core/{name}.py" for name in _VOCABULARY), *jobs]
    # Ours makes the whole vocabulary known.
    return {"core/__init__.py": b""} | {name: (_PACKAGE / name).read_bytes() for name in names}
