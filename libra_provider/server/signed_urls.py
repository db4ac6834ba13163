"""Signed paths: each permits the one request that it names, until it expires.

Drivers use them for downloads and uploads, because Spark cannot send our headers. A path is
``/{purpose}/{expiry}.{hmac}/{subject}``: the expiry in seconds since 1970, the HMAC-SHA256 over all
the rest, by a key that is made once and survives restarts.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import quote

from libra_provider.core.errors import BadInput
from libra_provider.core.masking import MASK
from libra_provider.core.polling import utc_now
from libra_provider.server.errors import NotPermitted
from libra_provider.server.model.artifact import Artifact
from libra_provider.server.settings import Settings

LIFE = timedelta(days=3650)
"""How long the URLs of a job are valid: a driver may run for months. The permission ends with the
job, or when the file is removed."""
_KEY_BYTES = 32
_SIGNATURE = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


class Purpose(StrEnum):
    """What a signature permits, and the start of its path; it permits nothing else."""

    ARTIFACT = "artifacts"
    RESULT = "results"
    REPORT = "reports"

    @property
    def methods(self) -> tuple[str, ...]:
        """How it is done; all else is nothing that could be signed."""
        return _METHODS[self]


_METHODS: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.ARTIFACT: ("GET", "HEAD"),
    Purpose.RESULT: ("PUT",),
    Purpose.REPORT: ("POST",),
}


@dataclass(frozen=True, slots=True)
class SignedPath:
    """The parts of a path, its signature not yet verified."""

    purpose: Purpose
    signature: str
    subject: str

    @classmethod
    def of(cls, path: str) -> Self | None:
        """The parts of *path*, percent-decoded; None if its purpose needs no signature."""
        first, _, rest = path.removeprefix("/").partition("/")
        if first not in list(Purpose):
            return None
        signature, _, subject = rest.partition("/")
        return cls(Purpose(first), signature, subject)

    @property
    def masked(self) -> str:
        """The path as it may be shown."""
        return f"/{self.purpose}/{MASK}/{self.subject}"


class Signer:
    """Signs paths with *key*; :meth:`url` puts them behind *base*, where drivers find Libra."""

    def __init__(self, key: bytes, base: str) -> None:
        self._key = key
        self._base = base.rstrip("/")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """This Libra's signer; creates the key if there is none; raises BadInput."""
        return cls(key_at(settings.data_dir / "signing.key"), settings.public_address)

    def url(self, purpose: Purpose, subject: str, *, expires: datetime) -> str:
        """Where *purpose* may be done to *subject* (``sha256/name`` or a tag) until *expires*."""
        expiry = str(math.ceil(expires.timestamp()))
        signed = f"{expiry}.{self._mac(purpose, expiry, subject)}"
        return f"{self._base}/{purpose}/{signed}/{quote(subject)}"

    def artifact_url(self, artifact: Artifact, *, expires: datetime) -> str:
        """Where drivers fetch *artifact* until *expires*."""
        return self.url(Purpose.ARTIFACT, str(artifact), expires=expires)

    def check(self, path: SignedPath) -> None:
        """Raise NotPermitted unless the signature is valid for all of *path*, and not expired."""
        found = _SIGNATURE.fullmatch(path.signature)
        expiry, mac = found.groups() if found else ("0", "")
        # In constant time, so that the duration does not reveal how much of a guess is right.
        if not hmac.compare_digest(mac, self._mac(path.purpose, expiry, path.subject)):
            sentence = (
                f"The signature of {path.masked} is invalid; use the URL that Libra has issued."
            )
            raise NotPermitted(sentence)
        if utc_now().timestamp() > int(expiry):
            moment = datetime.fromtimestamp(int(expiry), UTC).isoformat()
            sentence = f"{path.masked} expired at {moment}; request a new URL from Libra."
            raise NotPermitted(sentence)

    def _mac(self, purpose: Purpose, expiry: str, subject: str) -> str:
        message = f"{purpose}/{expiry}/{subject}".encode(errors="surrogatepass")
        return hmac.digest(self._key, message, hashlib.sha256).hex()

    def __repr__(self) -> str:
        return f"Signer({MASK}, {self._base!r})"


def key_at(path: Path) -> bytes:
    """The key in the file *path*, which is made where it is missing; only its owner may read it.

    Raises BadInput for an invalid key.
    """
    if not path.exists():
        _make_key(path)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        expected = f"expected {_KEY_BYTES} bytes; remove it, and Libra creates a new one"
        raise BadInput("signing.key", str(path), expected)
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A link is atomic, and never replaces a key that another process has created.
        with suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        new.unlink(missing_ok=True)
