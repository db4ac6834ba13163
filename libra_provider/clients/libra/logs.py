"""The log of a statement on Libra: a call for a piece of it, and a dialogue that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libra_provider.clients.http.call import Call, Reply
from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.http.problems import checked, is_unknown, problem
from libra_provider.clients.libra.contract import Contract
from libra_provider.clients.libra.statements import path_of
from libra_provider.clients.observation import STREAMS, LogLine
from libra_provider.core.errors import BadInput, JobLost, one_of
from libra_provider.core.masking import masked_text

# Libra keeps 16 MiB of a stream, and returns them in pieces of 256 KiB, cut at line ends; a worker
# keeps all that its driver writes, however much that is.
_MOST_PIECES = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPiece:
    """Whole lines of one stream, without secrets; the next piece begins at ``next_offset``.

    Offsets and ``size`` (of the log so far) are in bytes. ``complete``: the log has ended.
    """

    lines: Sequence[str]
    next_offset: int
    size: int
    complete: bool


def log(job_id: str, *, stream: str = "stdout", offset: int = 0) -> Call[LogPiece]:
    """Return the lines of *job_id* from *offset* on; raises JobLost for an unknown id.

    Raises BadInput for a stream that is neither stdout nor stderr.
    """
    if stream not in STREAMS:
        raise BadInput("stream", stream, one_of(STREAMS))

    def parse(reply: Reply) -> LogPiece:
        if is_unknown(reply):
            raise JobLost(job_id, problem(reply))
        return _piece(checked(reply), offset)

    return Call(
        method="GET",
        path=f"{path_of(job_id)}/log",
        parse=parse,
        query={"stream": stream, "offset": str(offset)},
    )


def _piece(reply: Reply, offset: int) -> LogPiece:
    body = reply.json_object()
    text, following, size = body.get("text"), body.get("nextOffset"), body.get("size")
    if not (isinstance(text, str) and isinstance(following, int) and isinstance(size, int)):
        raise reply.not_as_expected("a piece of a log was expected")
    lines = text.removesuffix("\n").split("\n") if text else ()
    return LogPiece(
        lines=tuple(map(masked_text, lines)),
        # A log that became shorter was truncated; do not start over.
        next_offset=max(following, offset),
        size=size,
        complete=body.get("complete") is True,
    )


class StatementLog:
    """Both streams of one statement's log, each read from where the last read ended.

    ``more``: the last read did not reach the end.
    """

    __slots__ = ("_contract", "_job_id", "_lines", "_offsets", "more")

    def __init__(self, job_id: str, contract: Contract) -> None:
        self._job_id = job_id
        self._contract = contract
        self._offsets = dict.fromkeys(STREAMS, 0)
        self._lines: list[LogLine] = []
        self.more = False

    def read(self, *, to_the_end: bool) -> Dialogue[None]:
        """Read one more piece of each stream, or all that is left; :meth:`take` returns the lines.

        Raises ServerError, JobLost; lines that were read until then are kept.
        """
        self.more = False
        for stream in STREAMS:
            yield from self._read(stream, _MOST_PIECES if to_the_end else 1)

    def take(self) -> tuple[LogLine, ...]:
        """Return the lines that were read since the last call."""
        lines, self._lines = self._lines, []
        return tuple(lines)

    def _read(self, stream: str, pieces: int) -> Dialogue[None]:
        for _ in range(pieces):
            offset = self._offsets[stream]
            call = log(self._job_id, stream=stream, offset=offset)
            piece = yield from self._contract.send(call)
            self._lines += [LogLine(stream, text) for text in piece.lines]
            self._offsets[stream] = piece.next_offset
            if piece.complete or piece.next_offset == offset:
                return
        self.more |= piece.next_offset < piece.size
        if pieces == _MOST_PIECES:
            rest = f"{piece.size - piece.next_offset} more bytes, from offset {piece.next_offset}"
            self._lines.append(LogLine(stream, f"... Libra has {rest}"))
