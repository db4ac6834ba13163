"""A separate process that repeats the given work."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")
_AT_MOST = 900.0  # seconds


class Process:
    """A separate process that calls the given function."""

    def __init__(self, start: Callable[[], object] = os.getpid) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self.call(start)
        self.pid = self.call(os.getpid)

    def call(self, function: Callable[[], T]) -> T:
        """What *function* returns there."""
        return self._pool.submit(function).result(_AT_MOST)

    def close(self) -> None:
        """End it."""
        self._pool.shutdown()
