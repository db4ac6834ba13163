"""A file that Libra keeps for drivers: the hash of its bytes, and the name that drivers see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from libra_provider.core.errors import BadInput
from libra_provider.core.paths import shippable_name

SCHEME = "artifact"
SHA256 = r"[0-9a-f]{64}"
_SHA256 = re.compile(SHA256)


@dataclass(frozen=True, slots=True)
class Artifact:
    """Raises BadInput unless both are what they should be."""

    sha256: str
    name: str

    def __post_init__(self) -> None:
        checked_sha256(self.sha256)
        shippable_name(self.name, parameter="name")

    @classmethod
    def of(cls, path: str, *, parameter: str) -> Self:
        """The artifact that ``artifact:{sha256}/{name}`` names; raises BadInput."""
        sha256, slash, name = path.removeprefix(f"{SCHEME}:").partition("/")
        if not slash or not is_sha256(sha256):
            raise BadInput(parameter, path, "an artifact is named artifact:SHA256/NAME")
        return cls(sha256, name)

    def linked(self, store: Path, folder: Path) -> Path:
        """A path below *folder* that ends in its name, to its bytes in *store*; raises BadInput.

        A link of its own: what has it keeps it, whatever becomes of the store.
        """
        path = folder / SCHEME / self.sha256 / self.name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        try:
            path.hardlink_to(store / self.sha256)
        except FileNotFoundError as error:
            raise self.unknown(SCHEME) from error
        return path

    def unknown(self, parameter: str) -> BadInput:
        """Return the error for an artifact that Libra does not have."""
        expected = (
            f"Libra does not have this artifact; upload it with PUT /api/v1/artifacts/{self} first"
        )
        return BadInput(parameter, named(self), expected)

    def __str__(self) -> str:
        return f"{self.sha256}/{self.name}"


def named(artifact: Artifact) -> str:
    """Return *artifact* as statements name it."""
    return f"{SCHEME}:{artifact}"


def is_sha256(text: str) -> bool:
    """Whether *text* is a SHA-256 in hexadecimal digits."""
    return _SHA256.fullmatch(text) is not None


def checked_sha256(text: str) -> str:
    """Return *text* if it is the hash of an artifact; raises BadInput."""
    if not is_sha256(text):
        raise BadInput("sha256", text, "expected 64 lower-case hexadecimal digits")
    return text
