"""The children of a driver host: how many there may be, and one that is kept ready."""

from __future__ import annotations

import threading
from pathlib import Path

from libra_provider.server.driver.child import Child, Limits


class TooManyChildren(Exception):
    """Every child that there may be belongs to a session already."""


class Children:
    """At most *most* children, besides one that waits for the next session.

    A Python takes a second or two until it can run a statement. What they leave behind when they
    are killed together with the host is in *folder*.
    """

    def __init__(self, limits: Limits, token: str, folder: Path, *, most: int) -> None:
        self._limits, self._token, self._folder, self._most = limits, token, folder, most
        self._lock = threading.Lock()
        self._taken = 0
        self._spare: Child | None = None

    def take(self) -> Child:
        """A child for one session, until it is given back; raises TooManyChildren."""
        with self._lock:
            if self._taken == self._most:
                raise TooManyChildren(
                    f"{self._most} sessions have a Python, as many as Libra allows"
                    " (max_python_sessions); close one, or use a session that has one."
                )
            child = self._usable_spare() or self._start()
            self._taken += 1
            self._spare = self._start() if self._taken < self._most else None
        return child

    def give_back(self, child: Child) -> str:
        """Why *child* ended; everything that it started is gone."""
        why = child.end()
        with self._lock:
            self._taken -= 1
        return why

    def _start(self) -> Child:
        return Child(self._limits, self._token, self._folder)

    def _usable_spare(self) -> Child | None:
        spare, self._spare = self._spare, None
        if spare is None or not spare.has_ended:
            return spare
        spare.end()
        return None
