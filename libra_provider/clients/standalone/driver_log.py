"""Follows a driver's log: new whole lines, without secrets."""

from __future__ import annotations

import re

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.observation import STREAMS, LogLine
from libra_provider.clients.standalone.pages import LogPart, driver_log
from libra_provider.core.masking import masked_text

# A poll reads at most this much of each stream; the next one continues.
_PART = 2**16  # bytes
# After the end of a job, at most this much of the rest is read.
_REST = 2**24  # bytes
# What Spark writes to stderr once its context is there; not at log levels above INFO.
APPLICATION_LINE = re.compile(r"Connected to Spark cluster with app ID (app-[\w-]+)")
SPARK_UI_LINE = re.compile(r"Successfully started service 'SparkUI' on port (\d+)")
# At each start of a driver, Spark writes its command to stderr, with all properties and arguments
# of the submission, and redacts only some of them.
_COMMAND_BEGINS = "Launch Command: "
# A property may contain a similar line; Spark writes exactly this many.
_COMMAND_ENDS = re.compile(r"={40}")
# A longer line, such as a progress bar, is returned in pieces.
_LONGEST_LINE = 2**15  # characters
# A worker replaces bytes that are not UTF-8 with it. At the end of a part these may be half a
# character, so the line is read again; elsewhere, the number of bytes is unknown.
_REPLACED = "\ufffd"


class LogFollower:
    """One stream of one driver's log, read from where the last read ended.

    Request the part that begins at ``offset`` (bytes), pass it to :meth:`take`, and so on.
    """

    __slots__ = ("_in_command", "_kept", "_unfinished", "complete", "offset")

    def __init__(self) -> None:
        self.offset = 0
        self.complete = False
        self._kept = ""
        self._unfinished = ""
        self._in_command = False

    def take(self, part: LogPart) -> list[str]:
        """Return the new whole lines of *part*, masked; its incomplete last line comes later."""
        self.complete = part.end >= part.size
        text = self._kept + part.text
        whole, ending, rest = text.rpartition("\n")
        longer_than_part = not ending and not self.complete
        if len(rest) >= _LONGEST_LINE:
            whole, ending, rest = text, "", ""
        if not rest or self._kept or _REPLACED in whole or longer_than_part:
            self.offset, self._kept = part.end, rest
        else:
            self.offset = part.start + len((whole + ending).encode())
        self._unfinished = rest
        return self._shown(whole)

    def remainder(self) -> list[str]:
        """Return the last line of a log that has ended without a line break."""
        rest, self._unfinished = self._unfinished, ""
        return self._shown(rest) if rest else []

    def _shown(self, text: str) -> list[str]:
        return [masked_text(line.rstrip("\r")) for line in text.split("\n") if self._shows(line)]

    def _shows(self, line: str) -> bool:
        if line.startswith(_COMMAND_BEGINS):
            self._in_command = True
            return False
        if self._in_command:
            self._in_command = not _COMMAND_ENDS.fullmatch(line.strip())
            return False
        return bool(line.strip())


class DriverLog:
    """Both streams of one driver's log, and what they show about its application.

    ``more``: the last read did not reach the end.
    """

    __slots__ = ("_driver_id", "_streams", "application_id", "more", "spark_ui_port")

    def __init__(self, driver_id: str) -> None:
        self._driver_id = driver_id
        self._streams = tuple(LogFollower() for _ in STREAMS)
        self.application_id: str | None = None
        self.spark_ui_port: int | None = None
        self.more = False

    def new_lines(self, worker_ui: str, *, to_the_end: bool) -> Dialogue[list[LogLine]]:
        """Return the lines that were written since the last call."""
        lines: list[LogLine] = []
        for stream, log in zip(STREAMS, self._streams, strict=True):
            new = yield from self._new_of(stream, log, worker_ui, _REST if to_the_end else _PART)
            lines += [
                LogLine(stream, text) for text in new + (log.remainder() if to_the_end else [])
            ]
        self.more = not all(log.complete for log in self._streams)
        self._learn(lines)
        return lines

    def _new_of(
        self, stream: str, log: LogFollower, worker_ui: str, budget: int
    ) -> Dialogue[list[str]]:
        lines: list[str] = []
        for _ in range(budget // _PART):
            call = driver_log(self._driver_id, stream, offset=log.offset, length=_PART)
            part: LogPart = yield Ask(call, worker_ui)
            lines += log.take(part)
            if log.complete:
                return lines
        if budget == _REST:
            lines.append(f"... the rest of this log ({part.size} bytes) is on the worker's page")
        return lines

    def _learn(self, lines: list[LogLine]) -> None:
        for line in lines:
            if found := APPLICATION_LINE.search(line.text):
                self.application_id = found[1]
            if found := SPARK_UI_LINE.search(line.text):
                self.spark_ui_port = int(found[1])
