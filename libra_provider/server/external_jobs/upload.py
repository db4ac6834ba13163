"""Results that drivers upload: received in pieces, and checked before they are stored."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from libra_provider.core.errors import BadInput
from libra_provider.core.units import MIB, readable_size
from libra_provider.server.body_stream import pieces
from libra_provider.server.errors import BodyTooLarge
from libra_provider.server.results import store
from libra_provider.server.results.arrow_stream import batches
from libra_provider.server.results.from_json import table_of

ARROW = "application/vnd.apache.arrow.stream"
JSON = "application/json"
_MOST_VALUE = MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedResult:
    """A checked result: fields of a Statement, and the Arrow stream of its rows, if it has any."""

    digest: str
    outcome: Mapping[str, Any]
    rows: Path | None = None


@dataclass(frozen=True, slots=True)
class UploadLimit:
    """The limits of a result: its rows, and its bytes in Arrow's format."""

    rows: int
    size: int

    def check(self, rows: int, size: int) -> None:
        """Raise BodyTooLarge for more than that."""
        if rows > self.rows:
            what, advice = f"resultLimit={self.rows} rows", "increase resultLimit"
        elif size > self.size:
            what, advice = readable_size(self.size), "return fewer or narrower rows"
        else:
            return
        instead = "or have it written to storage with resultPath"
        raise BodyTooLarge(f"The result has more than {what}; {advice}, {instead}.")


class UploadFolder:
    """The folder for uploads, emptied when Libra starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> None:
        """Create the folder, or empty it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)

    def place(self) -> Path:
        """Create a folder for one upload; the caller removes it."""
        place = self._folder / secrets.token_hex(8)
        place.mkdir()
        return place


async def received(body: AsyncIterator[bytes], place: Path) -> tuple[Path, str]:
    """Write *body* to a file in *place*; return its path and digest; raises what *body* raises."""
    path, digest = place / "body", hashlib.sha256()
    with await asyncio.to_thread(path.open, "wb") as file:
        async for piece in pieces(body):
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    return path, digest.hexdigest()


def checked(path: Path, digest: str, media_type: str, limit: UploadLimit) -> UploadedResult:
    """Check the result in the file *path* and return it; raises BadInput, or BodyTooLarge."""
    if media_type == ARROW:
        return _rows(path, digest, limit)
    body = _json(path)
    if "value" in body:
        return UploadedResult(digest=digest, outcome={"value": _value(body["value"])})
    schema, rows = body.get("schema"), body.get("rows")
    if not isinstance(schema, dict) or not isinstance(rows, list):
        expected = "expected a value, or rows with their schema"
        raise BadInput("body", sorted(body), expected)
    limit.check(len(rows), 0)
    written = path.with_name("rows")
    store.write(written, table_of(schema, rows), json.dumps(schema))
    return _rows(written, digest, limit)


def _rows(path: Path, digest: str, limit: UploadLimit) -> UploadedResult:
    count = size = 0
    for batch in batches(path):
        count += batch.num_rows
        size += batch.nbytes
        limit.check(count, size)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return UploadedResult(
        digest=digest, outcome={"row_count": count, "result_bytes": size}, rows=path
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        body = from_json(path.read_bytes(), allow_inf_nan=False)
    except ValueError as error:
        raise BadInput("body", "a result", f"it is not JSON ({error})") from error
    if not isinstance(body, dict):
        raise BadInput("body", type(body).__name__, "expected a JSON object")
    return body


def _value(value: Any) -> str:
    text = json.dumps(value)
    if len(text) > _MOST_VALUE:
        most = readable_size(_MOST_VALUE)
        raise BodyTooLarge(f"The value is larger than {most} as JSON; return it as rows instead.")
    return text
