"""The sessions of the shared driver, and the state of each that is lost with the driver."""

# ruff: noqa: SLF001  # pyspark has no public names for its access to the JVM

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j has no types
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from libra_provider.core.kinds import Kind
from libra_provider.server.driver.messages import PYTHON_VARIABLES, RunStatement, SessionHolds
from libra_provider.server.model.sessions import DEFAULT_SESSION

# Statements that start like this leave no state; after any other, the session is inspected.
_QUERY = re.compile(r"[\s(]*(?:select|with|from|values|table)\b", re.IGNORECASE)


class DriverSessions:
    """The sessions by name; *spark* is the default one. Their state is passed to *say*."""

    def __init__(self, spark: SparkSession, say: Callable[[SessionHolds], None]) -> None:
        self._spark, self._say = spark, say
        self._lock = threading.Lock()
        self._open: dict[str, tuple[SparkSession, _SessionState]] = {}
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
        self._open[name] = session, _SessionState(name, session, self._say)


class _SessionState:
    """Of the session *name*, which is new; passes changes of its state to *say*.

    Global temporary views and added JARs belong to no session, and are not included.
    """

    def __init__(
        self, name: str, session: SparkSession, say: Callable[[SessionHolds], None]
    ) -> None:
        self._name, self._say = name, say
        self._java: Any = session._jsparkSession.sessionState()
        self._settings = self._java.conf().getAllConfs()
        self._place = self._current_place()
        self._lock = threading.Lock()
        self._has_python = self._is_closed = False
        self._told: list[str] = []

    def look(self, statement: RunStatement) -> None:
        """Report the state after *statement* has run, if it has changed."""
        # A main class changes a copy.
        if statement.kind == Kind.JAR_CLASS or (
            statement.kind == Kind.SQL and _QUERY.match(statement.code)
        ):
            return
        with self._lock:
            self._has_python = self._has_python or statement.kind == Kind.PYTHON
            self._tell([what for what, is_there in self._looked().items() if is_there])

    def close(self) -> None:
        """Report that the session has no state any more; later changes are ignored."""
        with self._lock:
            self._tell([])
            self._is_closed = True

    def _tell(self, held: list[str]) -> None:
        if held != self._told and not self._is_closed:
            self._told = held
            self._say(SessionHolds(self._name, held))

    def _looked(self) -> Mapping[str, bool]:
        catalog, manager = self._java.catalog(), self._java.catalogManager()
        return {
            "temp views": not catalog.getTempViewNames().isEmpty(),
            "temp functions": not catalog.listTemporaryFunctions().isEmpty(),
            "SQL settings": not self._java.conf().getAllConfs().equals(self._settings),
            "SQL variables": not manager.tempVariableManager().isEmpty(),
            "another current database": self._current_place() != self._place,
            PYTHON_VARIABLES: self._has_python,
        }

    def _current_place(self) -> list[str]:
        manager = self._java.catalogManager()
        try:
            return [manager.currentCatalog().name(), *manager.currentNamespace()]
        except (Py4JError, PySparkException):
            return []  # the catalog is not usable
