"""The driver host: a process that holds one SparkContext, and lives no longer than the API.

Started by the supervisor as ``python -m libra_provider.server.driver.host``; Spark's properties
are in a file, because everyone on the machine can read a command line.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # py4j has no types
from pyspark.sql import SparkSession

from libra_provider.server.driver import sql
from libra_provider.server.driver.channel import Channel
from libra_provider.server.driver.failure import failure_of
from libra_provider.server.driver.messages import (
    Broken,
    CloseSession,
    Ended,
    Kill,
    Message,
    Ready,
    Run,
    Stop,
)
from libra_provider.server.sessions import DEFAULT_SESSION

_PR_SET_PDEATHSIG = 1
_KILL_AGAIN = 0.2
# Who waits for the JVM knows how it ended, and ends this process; it needs a moment to say so.
_LAST_WORDS = 1.0


class Host:
    """Runs statements on *spark*, each on a thread of its own while it runs."""

    def __init__(self, spark: SparkSession, channel: Channel, folder: Path, threads: int) -> None:
        self._spark = spark
        self._channel = channel
        self._folder = folder
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="statement")
        self._sessions = {DEFAULT_SESSION: spark}
        self._sessions_lock = threading.Lock()
        self._running: set[str] = set()
        self._killed: set[str] = set()
        self._kills = threading.Event()
        self._stopping = False
        threading.Thread(target=self._keep_killing, daemon=True, name="kills").start()

    def serve(self) -> None:
        """Obey until told to stop, or until nobody is there to tell."""
        answers: Mapping[type[Message], Callable[[Any], object]] = {
            Run: self._start,
            Kill: self._kill,
            CloseSession: self._close,
        }
        for message in self._channel.heard():
            if isinstance(message, Stop):
                self._stopping = True
                self._spark.stop()
                return
            answers[type(message)](message)

    def _start(self, order: Run) -> None:
        self._running.add(order.job_id)
        self._threads.submit(self._run, order)

    def _kill(self, message: Kill) -> None:
        if message.job_id in self._running:
            self._killed.add(message.job_id)
            self._kills.set()

    def _keep_killing(self) -> None:
        # Again and again: "future jobs" leaves out the shuffle stages of adaptive execution, so a
        # statement told to stop while it is planned would run on.
        while self._kills.wait():
            self._kills.clear()
            while doomed := self._killed & self._running:
                for job_id in doomed:
                    self._context.sc().cancelJobGroupAndFutureJobs(job_id)
                time.sleep(_KILL_AGAIN)

    def _close(self, message: CloseSession) -> None:
        with self._sessions_lock:
            self._sessions.pop(message.session, None)

    @property
    def _context(self) -> Any:
        return self._spark.sparkContext._jsc  # noqa: SLF001  # pyspark has no public name for these calls

    def _session(self, name: str) -> SparkSession:
        with self._sessions_lock:
            if name not in self._sessions:
                self._sessions[name] = self._spark.newSession()
            return self._sessions[name]

    def _run(self, order: Run) -> None:
        context = self._spark.sparkContext
        try:
            # Threads are used again: what one statement sets must not reach the next (SPARK-26914).
            context.setLocalProperty("spark.scheduler.pool", order.pool)
            context.setJobGroup(order.job_id, order.description or order.job_id, True)
            ended = sql.run(self._session(order.session), order, self._folder)
        except Exception as error:  # noqa: BLE001  # whatever Spark raises is the statement's outcome
            if self._is_over():
                return  # not the statement's failure: the supervisor calls it LOST
            ended = self._failed(order.job_id, error)
        self._forget(order.job_id)
        self._channel.say(ended)

    def _is_over(self) -> bool:
        """Whether Spark is gone; if nobody meant it to, so is this process."""
        try:
            over = self._stopping or self._context.sc().isStopped()
        except (Py4JError, OSError):
            over = True
            time.sleep(_LAST_WORDS)
        if over and not self._stopping:
            self._channel.say(Broken("its SparkContext was stopped, or its JVM died"))
            end_group()
        return bool(over)

    def _failed(self, job_id: str, error: Exception) -> Ended:
        if job_id in self._killed:
            return Ended(job_id=job_id, state="CANCELLED", error="It was killed while it ran.")
        why = failure_of(error)
        return Ended(
            job_id=job_id,
            state="FAILED",
            error=why.sentence,
            error_class=why.error_class,
            sql_state=why.sql_state,
        )

    def _forget(self, job_id: str) -> None:
        self._running.discard(job_id)
        self._killed.discard(job_id)
        self._context.clearJobGroup()
        # None clears it; pyspark's signature does not say so.
        self._spark.sparkContext.setLocalProperty("spark.scheduler.pool", None)  # type: ignore[arg-type]


def ready(spark: SparkSession) -> Ready:
    """Where the driver of *spark* is."""
    context = spark.sparkContext
    return Ready(
        host=context.getConf().get("spark.driver.host") or socket.gethostname(),
        application_id=context.applicationId,
        master=context.master,
        spark_version=context.version,
        spark_ui=context.uiWebUrl,
        catalog=spark.conf.get("spark.sql.catalogImplementation"),
    )


def die_with_parent() -> None:
    """Have this whole process group killed when the API process dies, even by SIGKILL."""
    signal.signal(signal.SIGTERM, lambda *_: end_group())
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_group() -> None:
    """End this process, its JVM and what they started, now."""
    os.killpg(0, signal.SIGKILL)


def watch_jvm(spark: SparkSession, channel: Channel) -> None:
    """End with a reason as soon as the JVM is gone: py4j would only notice at its next call."""
    gateway: Any = spark.sparkContext._gateway  # noqa: SLF001  # the process is nowhere else

    def wait() -> None:
        code = gateway.proc.wait()
        channel.say(Broken(f"its JVM ended with exit code {code}"))
        end_group()

    threading.Thread(target=wait, daemon=True, name="jvm").start()


def why_not(sentence: str) -> str:
    """*sentence*, unless it is what Spark says when it has given up on its master."""
    if "stopped SparkContext" not in sentence:
        return sentence
    return "its master did not take the application in; check that --master is right and reachable"


def main() -> None:
    """Start Spark, say so, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--properties", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    die_with_parent()
    channel = Channel(options.channel)
    # pyspark logs each failed query with its Java frames; the ledger has the sentence.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--properties-file '{options.properties}' --load-spark-defaults pyspark-shell"
    )
    try:
        spark = SparkSession.builder.getOrCreate()
    except Exception as error:  # noqa: BLE001  # any failure to start is told to the supervisor
        channel.say(Broken(f"Spark does not start: {why_not(failure_of(error).sentence)}"))
        end_group()
    watch_jvm(spark, channel)
    channel.say(ready(spark))
    Host(spark, channel, options.results, options.threads).serve()
    end_group()


if __name__ == "__main__":
    main()
