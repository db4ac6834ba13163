"""A protocol of several steps, held once: what to ask next, given the answers so far."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from libra_provider.clients.http.call import Call

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A step of a dialogue: send *call* to the client's own servers, or to the one at *url*."""

    call: Call[T]
    url: str | None = None


# A generator that yields what to ask, is sent the answers, and returns what it found out. It holds
# a protocol of several steps once; Client.run and Client.arun do the I/O.
Dialogue: TypeAlias = Generator[Ask[Any], Any, T]
