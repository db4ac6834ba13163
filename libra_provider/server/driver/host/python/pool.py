"""The children of a driver host: how many there may be, and one that is kept ready."""

from __future__ import annotations

import threading
from pathlib import Path

from libra_provider.server.driver.host.python.child import ChildLimits, PythonChild


class TooManyChildren(Exception):
    """As many sessions as may have a child have one."""


class ChildPool:
    """Those that sessions keep, at most *most*, those of one statement each, and one in reserve.

    A Python takes a second or two until it can run a statement. What they leave behind when they
    are killed together with the host is in *folder*.
    """

    def __init__(self, limits: ChildLimits, token: str, folder: Path, *, most: int) -> None:
        self._limits, self._token, self._folder, self._most = limits, token, folder, most
        self._lock = threading.Lock()
        self._kept: set[PythonChild] = set()
        self._spare: PythonChild | None = None

    def take(self, *, is_kept: bool) -> PythonChild:
        """A child until it is given back; raises TooManyChildren if it *is_kept* by a session."""
        with self._lock:
            if is_kept and len(self._kept) == self._most:
                raise TooManyChildren(
                    f"{self._most} sessions have a Python, as many as Libra allows"
                    " (max_python_sessions); close one, or use a session that has one."
                )
            child = self._usable_spare() or self._start()
            if is_kept:
                self._kept.add(child)
            self._spare = self._start()
        return child

    def give_back(self, child: PythonChild) -> str:
        """Why *child* ended; everything that it started is gone."""
        why = child.end()
        with self._lock:
            self._kept.discard(child)
        return why

    def _start(self) -> PythonChild:
        return PythonChild(self._limits, self._token, self._folder)

    def _usable_spare(self) -> PythonChild | None:
        spare, self._spare = self._spare, None
        if spare is None or not spare.has_ended:
            return spare
        spare.end()
        return None
