"""The sessions of the shared driver, each with its own temp views and SQL settings."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pyspark.sql import SparkSession

from libra_provider.server.driver.host.session_state import SessionState
from libra_provider.server.driver.messages import RunStatement, SessionHolds
from libra_provider.server.model.sessions import DEFAULT_SESSION


class DriverSessions:
    """The sessions by name; *spark* is the default one. Their state is passed to *say*."""

    def __init__(self, spark: SparkSession, say: Callable[[SessionHolds], None]) -> None:
        self._spark, self._say = spark, say
        self._lock = threading.Lock()
        self._open: dict[str, tuple[SparkSession, SessionState]] = {}
        self._add(DEFAULT_SESSION, spark)

    def get(self, name: str) -> SparkSession:
        """Return the session, which is created if there is none."""
        with self._lock:
            if name not in self._open:
                self._add(name, self._spark.newSession())
            return self._open[name][0]

    def look(self, session: SparkSession, statement: RunStatement) -> None:
        """Report the state of an open *session* after *statement*, if it has changed."""
        found, state = self._open.get(statement.session, (None, None))
        if state and found is session:
            state.look(statement)

    def close(self, name: str) -> None:
        """Forget the session; does nothing if there is none."""
        with self._lock:
            _, state = self._open.pop(name, (None, None))
        if state:
            state.close()

    def _add(self, name: str, session: SparkSession) -> None:
        self._open[name] = session, SessionState(name, session, self._say)
