"""Protocols of several requests, written once for sync and async."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from libra_provider.clients.http.call import Call

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A step of a dialogue: send *call* to the client's servers, or to the server at *url*."""

    call: Call[T]
    url: str | None = None


# A generator that yields requests, receives the responses and returns its result. It does no I/O;
# Client.run and Client.arun do.
Dialogue: TypeAlias = Generator[Ask[Any], Any, T]
