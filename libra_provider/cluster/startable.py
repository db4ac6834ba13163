"""Base of servers that are started on entering a ``with`` block and stopped on leaving it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Startable(ABC):
    """A server, or several, as a context manager."""

    @abstractmethod
    def start(self) -> Self:
        """Start it; return when it is ready."""

    @abstractmethod
    def stop(self) -> None:
        """Stop everything; does nothing if it is stopped already."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
