"""The driver host: a process with one SparkContext, which ends when the API process ends.

The supervisor starts it as ``python -m libra_provider.server.driver.host``; Spark's properties
are in a file, because every user of the machine can read a command line.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j has no types
from pyspark.sql import SparkSession

from libra_provider.core.kinds import Kind
from libra_provider.jobs.spark_errors import failure_of
from libra_provider.server.driver.host.cancellation import Cancellations
from libra_provider.server.driver.host.channel import Channel
from libra_provider.server.driver.host.estimate import estimate
from libra_provider.server.driver.host.jar_class import MainClasses
from libra_provider.server.driver.host.progress import ProgressReporter
from libra_provider.server.driver.host.python.child import ChildLimits
from libra_provider.server.driver.host.python.connect import Connect
from libra_provider.server.driver.host.python.pool import ChildPool
from libra_provider.server.driver.host.python.session import CarryOut
from libra_provider.server.driver.host.python.sessions import PythonSessions
from libra_provider.server.driver.host.result_guard import ResultGuard
from libra_provider.server.driver.host.sessions import DriverSessions
from libra_provider.server.driver.host.sql import SqlRunner
from libra_provider.server.driver.host.timing import DEFAULT
from libra_provider.server.driver.messages import (
    CloseSession,
    DriverFailed,
    DriverReady,
    EstimateQuery,
    KillStatement,
    Message,
    RunStatement,
    StatementEnded,
    StopDriver,
)

_PR_SET_PDEATHSIG = 1
_ESTIMATES = 2
# Spark aborts its jobs with this sentence before it stops its context, which the heartbeat sees.
_REMOVED = "Master removed our application"
# The exit code of -XX:+ExitOnOutOfMemoryError.
_MEANING = {3: ", which means that it ran out of memory (spark.driver.memory)"}


class Host:
    """Runs statements on *spark*, each on its own thread."""

    def __init__(
        self,
        spark: SparkSession,
        channel: Channel,
        main_classes: MainClasses,
        pythons: Callable[[CarryOut], PythonSessions],
        statements: SqlRunner,
        *,
        threads: int,
    ) -> None:
        self._spark = spark
        self._channel = channel
        self._main_classes = main_classes
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="statement")
        # Separate, so that estimates do not wait for long statements.
        self._asked = ThreadPoolExecutor(_ESTIMATES, thread_name_prefix="estimate")
        self._sessions = DriverSessions(spark, channel.say)
        self._statements = statements
        self._progress = ProgressReporter(spark.sparkContext, channel.say)
        self._kills = Cancellations(spark.sparkContext)
        self._pythons = pythons(self._run)
        self._stopping = False

    def serve(self) -> None:
        """Handle messages until StopDriver, or until the API process ends."""
        self._channel.start_heartbeats(self._is_over)
        answers: Mapping[type[Message], Callable[[Any], object]] = {
            RunStatement: self._start,
            KillStatement: self._kill,
            CloseSession: self._close,
            EstimateQuery: lambda asked: self._asked.submit(self._estimate, asked),
        }
        for message in self._channel.messages():
            if isinstance(message, StopDriver):
                self._stopping = True
                self._spark.stop()
                return
            answers[type(message)](message)

    def _start(self, statement: RunStatement) -> None:
        self._kills.begin(statement.job_id)
        self._progress.begin(statement.job_id)
        if statement.kind == Kind.PYTHON:
            self._pythons.submit(statement)
        else:
            self._threads.submit(self._run, statement)

    def _kill(self, message: KillStatement) -> None:
        self._kills.kill(message.job_id)
        self._main_classes.kill(message.job_id)
        self._pythons.kill(message.job_id)

    def _close(self, message: CloseSession) -> None:
        self._pythons.close(message.session)
        self._sessions.close(message.session)

    def _estimate(self, asked: EstimateQuery) -> None:
        self._channel.say(estimate(self._sessions.get(asked.session), asked))

    def _run(self, statement: RunStatement) -> None:
        context = self._spark.sparkContext
        job_id = statement.job_id
        try:
            # Threads are reused: properties of one statement must not reach the next (SPARK-26914).
            context.setLocalProperty("spark.scheduler.pool", statement.pool)
            context.setJobGroup(job_id, statement.description or job_id, True)
            session = self._sessions.get(statement.session)
            ended = self._carried_out(session, statement)
            if statement.kind == Kind.JAR_CLASS and self._is_over():
                return  # it may have stopped Spark before it ended
        except Exception as error:  # noqa: BLE001  # any error of Spark is the statement's outcome
            if _REMOVED in str(error) or self._is_over():
                return  # not the statement's failure: the supervisor marks it LOST
            ended = self._failed(job_id, error)
        self._progress.end(job_id)
        self._kills.end(job_id)
        self._channel.say(ended)
        self._clear()

    def _carried_out(self, session: SparkSession, statement: RunStatement) -> StatementEnded:
        go_on = partial(self._kills.check, statement.job_id)
        try:
            if statement.kind == Kind.JAR_CLASS:
                return self._main_classes.run(session, statement, go_on=go_on)
            if statement.kind == Kind.PYTHON:
                answer = partial(self._statements.answer, statement=statement)
                return self._pythons.run(session, statement, answer)
            return self._statements.run(session, statement, go_on=go_on)
        finally:
            # Before its end is reported: clients then rely on the state that it has left.
            if statement.ends_session:
                self._close(CloseSession(statement.session))
            else:
                self._sessions.look(session, statement)

    def _is_over(self) -> bool:
        """Return whether Spark is gone; if that was not requested, end this process."""
        try:
            over = self._stopping or self._spark.sparkContext._jsc.sc().isStopped()  # noqa: SLF001
        except (Py4JError, OSError):
            over = True
        if over and not self._stopping:
            self._end_with_spark()
        return bool(over)

    def _end_with_spark(self) -> None:
        try:
            jvm_of(self._spark).wait(DEFAULT.jvm_exit)
        except subprocess.TimeoutExpired:
            reason = "its SparkContext was stopped, or its JVM died"
            self._channel.say(DriverFailed(blaming(reason, self._main_classes)))
            end_group()

    def _failed(self, job_id: str, error: Exception) -> StatementEnded:
        if self._kills.has(job_id):
            return StatementEnded(
                job_id=job_id, state="CANCELLED", error="It was killed while it ran."
            )
        why = failure_of(error)
        return StatementEnded(
            job_id=job_id,
            state="FAILED",
            error=why.sentence,
            error_class=why.error_class,
            sql_state=why.sql_state,
        )

    def _clear(self) -> None:
        # After the end is reported, so that no client waits for it. None clears a property, which
        # pyspark's signature does not allow.
        context = self._spark.sparkContext
        context._jsc.clearJobGroup()  # noqa: SLF001  # pyspark has no public name for it
        context.setLocalProperty("spark.scheduler.pool", None)  # type: ignore[arg-type]


def ready(spark: SparkSession) -> DriverReady:
    """Return the message that the driver of *spark* is ready, and where it is."""
    context = spark.sparkContext
    return DriverReady(
        host=context.getConf().get("spark.driver.host") or socket.gethostname(),
        application_id=context.applicationId,
        master=context.master,
        spark_version=context.version,
        spark_ui=context.uiWebUrl,
        catalog=spark.conf.get("spark.sql.catalogImplementation"),
    )


def die_with_parent() -> None:
    """Have this process group killed when the API process ends, even by SIGKILL."""
    signal.signal(signal.SIGTERM, lambda *_: end_group())
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_group() -> None:
    """Kill this process, its JVM and their child processes."""
    os.killpg(0, signal.SIGKILL)


def blaming(reason: str, main_classes: MainClasses) -> str:
    """Return *reason*, with the statement that caused it, if there is one."""
    blame = main_classes.blame()
    return f"{reason}: {blame}" if blame else reason


def jvm_of(spark: SparkSession) -> Any:
    """Return the process of its JVM."""
    gateway: Any = spark.sparkContext._gateway  # noqa: SLF001  # the only place
    return gateway.proc


def watch_jvm(spark: SparkSession, channel: Channel, main_classes: MainClasses) -> None:
    """Report why and end as soon as the JVM is gone: py4j would notice at its next call."""
    jvm = jvm_of(spark)

    def wait() -> None:
        code = jvm.wait()
        meaning = "" if main_classes.ended_it else _MEANING.get(code, "")
        why = f"its JVM ended with exit code {code}{meaning}"
        channel.say(DriverFailed(blaming(why, main_classes)))
        end_group()

    threading.Thread(target=wait, daemon=True, name="jvm").start()


def why_not(sentence: str) -> str:
    """Return *sentence*, or a clearer one if Spark has given up on its master."""
    if "stopped SparkContext" not in sentence:
        return sentence
    return "its master did not accept the application; check that --master is right and reachable"


def main() -> None:
    """Start Spark, report that, and handle messages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--properties", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--python-memory", type=int, required=True)
    parser.add_argument("--max-python-sessions", type=int, required=True)
    options = parser.parse_args()
    die_with_parent()
    channel = Channel(options.channel)
    # pyspark logs each failed query with its Java frames; the ledger has its error.
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--properties-file '{options.properties}' --load-spark-defaults pyspark-shell"
    )
    # Functions are pickled for the executors, which need the same Python version.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        spark = SparkSession.builder.getOrCreate()
    except Exception as error:  # noqa: BLE001  # any failure to start is reported to the supervisor
        channel.say(DriverFailed(f"Could not start Spark: {why_not(failure_of(error).sentence)}"))
        end_group()
    note = options.properties.parent / "ended-by"
    main_classes = MainClasses(spark, logs=options.logs, note=note)
    connect = Connect(spark)
    limits = ChildLimits(memory=options.python_memory)
    own, most = options.properties.parent, options.max_python_sessions
    children = ChildPool(limits, connect.token, own, most=most)
    pythons = partial(PythonSessions, connect, children, options.logs)
    watch_jvm(spark, channel, main_classes)
    statements = SqlRunner(options.results, ResultGuard(spark, options.properties.parent))
    channel.say(ready(spark))
    threads = options.threads
    Host(spark, channel, main_classes, pythons, statements, threads=threads).serve()
    end_group()


if __name__ == "__main__":
    main()
