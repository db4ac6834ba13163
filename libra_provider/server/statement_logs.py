"""The output of a statement's driver, on Libra's disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from libra_provider.clients.observation import STREAMS
from libra_provider.clients.standalone.driver_log import (
    APPLICATION_LINE,
    SPARK_UI_LINE,
    LogFollower,
)
from libra_provider.clients.standalone.pages import LogPart, first_exception
from libra_provider.core.masking import masked_text

# One answer; the Launch Command at the head of a cluster driver's stderr is shorter.
PART = 2**18  # bytes
_LONGEST_ERROR = 600  # characters
# What stands for bytes that are no UTF-8, which makes bytes uncountable.
_REPLACED = "\ufffd"
# A context logs its application and web UI while it starts; only this part is searched.
_HEAD = 2**18  # bytes


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Whole lines of a log, without secrets; ``next_offset`` is where the next piece begins."""

    lines: Sequence[str]
    next_offset: int
    size: int


def piece(part: LogPart, *, is_over: bool) -> LogPiece:
    """What is to be read in *part*; unless the log *is_over*, its last line is left to the next.

    A line that is longer than the part is given in pieces.
    """
    whole, newline, rest = part.text.rpartition("\n")
    at_the_end = part.end >= part.size
    if not rest or (at_the_end and is_over):
        pass
    elif newline and _REPLACED not in whole:
        end = part.start + len((whole + newline).encode())
        part = LogPart(whole + newline, part.start, end, part.size)
    elif at_the_end and not newline:
        return LogPiece((), part.start, part.size)
    follower = LogFollower()
    lines = follower.take(LogPart(part.text, part.start, part.end, part.end))
    return LogPiece([*lines, *follower.remainder()], part.end, part.size)


@dataclass(frozen=True, slots=True)
class StatementLogs:
    """The two files of the statement *job_id* in *folder*."""

    folder: Path
    job_id: str
    most: int = PART
    """Bytes in a part."""

    def path(self, stream: str) -> Path:
        """The file of ``stdout`` or ``stderr``; it is there once the driver was started."""
        return self.folder / f"{self.job_id}.{stream}"

    def prepare(self) -> None:
        """Create both files, readable only by this user."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stream in STREAMS:
            os.close(os.open(self.path(stream), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))

    def text(self, stream: str) -> str:
        """The content of one of them, or empty if it does not exist."""
        try:
            return self.path(stream).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def part(self, stream: str, offset: int) -> LogPart:
        """A part of one of them, starting at *offset* (bytes)."""
        try:
            with self.path(stream).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                start = min(offset, size)
                file.seek(start)
                data = file.read(self.most)
        except FileNotFoundError:
            return LogPart("", 0, 0, 0)
        return LogPart(data.decode(errors="replace"), start, start + len(data), size)

    def first_exception(self) -> str | None:
        """The first exception in them, its secrets masked; Python's is in stdout."""
        found = (first_exception(self.text(stream)) for stream in STREAMS)
        first = next(filter(None, found), None)
        return masked_text(first)[:_LONGEST_ERROR] if first else None

    def application(self) -> tuple[str | None, str | None]:
        """The application's id and the port of its web UI, each None if not logged yet."""
        with self.path("stderr").open(errors="replace") as file:
            head = file.read(_HEAD)
        application, port = APPLICATION_LINE.search(head), SPARK_UI_LINE.search(head)
        return application and application[1], port and port[1]
