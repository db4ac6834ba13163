"""``python`` statements, by the session that runs them."""

from __future__ import annotations

import threading
from pathlib import Path

from pyspark.sql import SparkSession

from libra_provider.server.driver.host.python.connect import Connect
from libra_provider.server.driver.host.python.pool import ChildPool
from libra_provider.server.driver.host.python.session import Answer, CarryOut, PythonSession
from libra_provider.server.driver.messages import RunStatement, StatementEnded


class PythonSessions:
    """The sessions of one driver with a Python process; *logs* is the folder of their output."""

    def __init__(
        self, connect: Connect, children: ChildPool, logs: Path, carry_out: CarryOut
    ) -> None:
        self._parts = connect, children, logs, carry_out
        self._lock = threading.Lock()
        self._sessions: dict[str, PythonSession] = {}
        # A statement stays with its session, even if another one gets the name.
        self._of_job: dict[str, PythonSession] = {}

    def submit(self, statement: RunStatement) -> None:
        """Run *statement* when the earlier statements of its session have ended."""
        with self._lock:
            session = self._sessions.get(statement.session)
            if session is None:
                session = PythonSession(statement.session, *self._parts)
                self._sessions[statement.session] = session
            self._of_job[statement.job_id] = session
            session.submit(statement)

    def run(self, spark: SparkSession, statement: RunStatement, answer: Answer) -> StatementEnded:
        """See :meth:`PythonSession.run`; *spark* is the session for SQL of the same name."""
        try:
            return self._of_job[statement.job_id].run(spark, statement, answer)
        finally:
            del self._of_job[statement.job_id]

    def kill(self, job_id: str) -> None:
        """See :meth:`PythonSession.kill`."""
        if session := self._of_job.get(job_id):
            session.kill(job_id)

    def close(self, name: str) -> None:
        """End the Python process of a session; does nothing if it has none."""
        with self._lock:
            session = self._sessions.pop(name, None)
        if session:
            session.close()
