"""The Python processes of a driver host: their limit, and a spare one."""

from __future__ import annotations

import threading
from pathlib import Path

from libra_provider.server.driver.host.python.child import ChildLimits, PythonChild


class TooManyChildren(Exception):
    """The limit of sessions with a Python process is reached."""


class ChildPool:
    """Processes of sessions (at most *most*), of single statements, and a spare one.

    A Python process takes a second or two to start. Their files are in *folder*, which also removes
    what is left when they are killed with the host.
    """

    def __init__(self, limits: ChildLimits, token: str, folder: Path, *, most: int) -> None:
        self._limits, self._token, self._folder, self._most = limits, token, folder, most
        self._lock = threading.Lock()
        self._kept: set[PythonChild] = set()
        self._spare: PythonChild | None = None

    def take(self, *, is_kept: bool) -> PythonChild:
        """Return a process; raises TooManyChildren for one that *is_kept* by a session."""
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
        """Return why *child* ended, when everything that it started is gone."""
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
