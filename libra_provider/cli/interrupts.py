"""Interrupts that wait while a request is under way."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

_INTERRUPTS = {signal.SIGINT, signal.SIGTERM}


@contextlib.contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """Keep interrupts away until the yielded function is called, or the block ends.

    An interrupt between a request and its answer would leave a job behind whose id is unknown.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield let_through
    finally:
        let_through()


def is_interrupted() -> bool:
    """Whether an interrupt is held back now."""
    return bool(signal.sigpending() & _INTERRUPTS)
