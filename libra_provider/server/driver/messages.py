"""What API process and driver host say to each other: one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """To the host: run this statement now."""

    job_id: str
    session: str
    code: str
    pool: str
    result_limit: int
    result_max_bytes: int
    parameters: Mapping[str, Any] | Sequence[Any] | None = None
    description: str | None = None
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """To the host: stop this statement, whatever it is doing."""

    job_id: str


@dataclass(frozen=True, slots=True)
class CloseSession:
    """To the host: forget the temp views and settings of this session."""

    session: str


@dataclass(frozen=True, slots=True)
class Stop:
    """To the host: end Spark, then yourself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """From the host: the driver is up, and this is where."""

    host: str
    application_id: str
    master: str | None
    spark_version: str
    spark_ui: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """From the host, its last words: why it cannot go on."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """From the host: a statement is over; ``state`` is one of Libra's terminal words."""

    job_id: str
    state: str
    error: str | None = None
    error_class: str | None = None
    sql_state: str | None = None
    row_count: int | None = None
    result_bytes: int | None = None
    text: str | None = None


Message = Run | Kill | CloseSession | Stop | Ready | Broken | Ended
_TYPES: Mapping[str, type[Message]] = {
    each.__name__: each for each in (Run, Kill, CloseSession, Stop, Ready, Broken, Ended)
}


def encode(message: Message) -> bytes:
    """*message* as one line."""
    return json.dumps([type(message).__name__, asdict(message)]).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message in *line*."""
    name, values = json.loads(line)
    return _TYPES[name](**values)
