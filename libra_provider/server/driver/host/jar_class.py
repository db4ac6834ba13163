"""Run main classes in the JVM of the shared driver, each with classes and output of its own.

A main class sees the temp views and settings of its session as they are at its start; what it
changes stays its own. ``stop()`` of its session ends nothing. What nothing can prevent in one JVM,
``System.exit`` and stopping the SparkContext itself, ends the driver, and is written down.
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
from libra_provider.server.driver.messages import RunStatement, StatementEnded
from libra_provider.server.statement_logs import StatementLogs

_LOG_CAP = 16 * MIB
# Long enough for a main that closes its files when it is interrupted.
_GRACE_MS = 5000


class MainClasses:
    """The main classes that run in the JVM of *spark*; what they print is left in *logs*.

    *note* is a file of this driver's, where a main class that ends the driver is named.
    """

    def __init__(self, spark: SparkSession, *, logs: Path, note: Path) -> None:
        self._spark = spark
        self._logs = logs
        self._note = note
        self._compiled: Any = None
        self._lock = threading.Lock()
        self._runs: dict[str, Any] = {}

    def run(
        self, session: SparkSession, order: RunStatement, *, go_on: Callable[[], None]
    ) -> StatementEnded:
        """How the main class of *order* ended, in the pool and job group of the calling thread.

        *go_on* is called once before it starts; what it raises passes through.
        """
        # From now on kill finds it, and go_on knows of a kill that came before.
        run = self._runs[order.job_id] = self._new_run(session, order)
        try:
            go_on()
            ended = _ended(order.job_id, self._outcome(run, order.job_id))
        except (Py4JNetworkError, OSError):
            raise  # the driver is gone; this run may be why, so blame must still find it
        except Exception:
            del self._runs[order.job_id]
            raise
        del self._runs[order.job_id]
        return ended

    def kill(self, job_id: str) -> None:
        """Have it end, with its jobs; nothing happens when it does not run."""
        if run := self._runs.get(job_id):
            run.kill(_GRACE_MS)

    @property
    def ended_it(self) -> bool:
        """Whether a main class is known to have ended the driver."""
        return self._note.exists()

    def blame(self) -> str:
        """Which main class ended the driver, or may have done so; empty when none did."""
        if self.ended_it:
            return self._note.read_text()
        if not self._runs:
            return ""
        ids = " or ".join(sorted(self._runs))
        return f"statement {ids}, which ran a main class, may have ended it"

    def _new_run(self, session: SparkSession, order: RunStatement) -> Any:
        gateway: Any = self._spark.sparkContext._gateway  # noqa: SLF001  # the way to its arrays
        args = gateway.new_array(gateway.jvm.String, len(order.args))
        for position, each in enumerate(order.args):
            args[position] = each
        what = (order.job_id, order.file_path, order.main_class, args)
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
    return session._jsparkSession  # noqa: SLF001  # what the Java side knows it by


def _ended(job_id: str, outcome: Any) -> StatementEnded:
    return StatementEnded(
        job_id=job_id,
        state=outcome.state(),
        error=_sentence(outcome.error(), outcome.position()),
        error_class=outcome.errorClass(),
        sql_state=outcome.sqlState(),
    )


def _sentence(said: str | None, position: str | None) -> str | None:
    if said is None:
        return None
    sentence = failure_of(Exception(said)).sentence
    return f"{sentence} (at {position})" if position else sentence
