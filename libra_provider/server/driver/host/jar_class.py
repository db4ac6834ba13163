"""Run main classes in the JVM of the shared driver, each with its own classes and output.

A main class starts with the temp views and settings of its session, and changes only its own.
``stop()`` of its session has no effect. ``System.exit`` and stopping the SparkContext cannot be
prevented in one JVM: they end the driver, and the statement that did so is recorded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JNetworkError  # type: ignore[import-untyped]  # py4j has no types
from pyspark.sql import SparkSession

from libra_provider.core.units import MIB
from libra_provider.jobs.spark_errors import failure_of
from libra_provider.server.driver.host.jvm.java_sources import loaded
from libra_provider.server.driver.host.timing import DEFAULT
from libra_provider.server.driver.messages import RunStatement, StatementEnded
from libra_provider.server.statement_logs import StatementLogs

_LOG_CAP = 16 * MIB


class MainClasses:
    """The main classes that run in the JVM of *spark*; their output is written to *logs*.

    *note* is a file of this driver, which names the main class that ended the driver.
    """

    def __init__(
        self,
        spark: SparkSession,
        *,
        logs: Path,
        note: Path,
        grace: float = DEFAULT.main_class_grace,
    ) -> None:
        self._grace_ms = int(grace * 1000)
        self._spark = spark
        self._logs = logs
        self._note = note
        self._compiled: Any = None
        self._lock = threading.Lock()
        self._runs: dict[str, Any] = {}

    def run(
        self, session: SparkSession, statement: RunStatement, *, go_on: Callable[[], None]
    ) -> StatementEnded:
        """Run the main class of *statement* in the pool and job group of the calling thread.

        Returns how it ended. *go_on* is called once before it starts, and may raise.
        """
        # From now on, kill finds it; go_on raises for an earlier kill.
        run = self._runs[statement.job_id] = self._new_run(session, statement)
        try:
            go_on()
            ended = _ended(statement.job_id, self._outcome(run, statement.job_id))
        except (Py4JNetworkError, OSError):
            raise  # the driver is gone; this run may be why, so blame must still find it
        except Exception:
            del self._runs[statement.job_id]
            raise
        del self._runs[statement.job_id]
        return ended

    def kill(self, job_id: str) -> None:
        """End it and its jobs; does nothing if it does not run."""
        if run := self._runs.get(job_id):
            run.kill(self._grace_ms)

    @property
    def ended_it(self) -> bool:
        """Return whether a main class is known to have ended the driver."""
        return self._note.exists()

    def blame(self) -> str:
        """Return which main class has or may have ended the driver; empty if none has."""
        if self.ended_it:
            return self._note.read_text()
        if not self._runs:
            return ""
        ids = " or ".join(sorted(self._runs))
        return f"statement {ids}, which ran a main class, may have ended it"

    def _new_run(self, session: SparkSession, statement: RunStatement) -> Any:
        gateway: Any = self._spark.sparkContext._gateway  # noqa: SLF001  # it creates arrays
        args = gateway.new_array(gateway.jvm.String, len(statement.args))
        for position, each in enumerate(statement.args):
            args[position] = each
        what = (statement.job_id, statement.file_path, statement.main_class, args)
        return self._java().run(_java_of(session), *what)

    def _outcome(self, run: Any, job_id: str) -> Any:
        logs = StatementLogs(self._logs, job_id)
        logs.prepare()
        run.start(str(logs.path("stdout")), str(logs.path("stderr")), _LOG_CAP)
        return run.join()

    def _java(self) -> Any:
        with self._lock:
            if self._compiled is None:
                main_classes = loaded(self._spark, "libra.MainClasses")
                self._compiled = main_classes.getField("ALL").get(None)
                self._compiled.prepare(_java_of(self._spark), str(self._note))
            return self._compiled


def _java_of(session: SparkSession) -> Any:
    return session._jsparkSession  # noqa: SLF001  # the Java side needs it


def _ended(job_id: str, outcome: Any) -> StatementEnded:
    return StatementEnded(
        job_id=job_id,
        state=outcome.state(),
        error=_sentence(outcome.error(), outcome.position()),
        error_class=outcome.errorClass(),
        sql_state=outcome.sqlState(),
    )


def _sentence(message: str | None, position: str | None) -> str | None:
    if message is None:
        return None
    sentence = failure_of(Exception(message)).sentence
    return f"{sentence} (at {position})" if position else sentence
