"""Tasks whose process is killed, in their first try, at each point of a job's life."""

from __future__ import annotations

import http.client
import os
import signal
from typing import Any, NoReturn

from airflow.sdk import DAG, Context
from airflow.sdk.exceptions import TaskDeferred

from libra_provider.operators import LibraStatementOperator, SparkClusterJobOperator

WHILE_DEFERRED = ("deferring", "resuming", "returning")
POINTS = ("posting", "answering", "storing", "polling", *WHILE_DEFERRED)
# Between these, the two backends do the same.
OF_DRIVERS = ("posting", "answering", "polling", "returning")
NAP = "reflect('java.lang.Thread', 'sleep', 1500L)"
SMALL = {"spark.driver.memory": "512m", "spark.cores.max": 1}


def die(*_: object, **__: object) -> NoReturn:
    """Ends like a worker that is out of memory: at once, without a report."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process goes on")


class Wire:
    """What this process sends and receives, up to the request or answer at which it dies."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.created = False
        self.is_creating = False
        self._send = http.client.HTTPConnection.putrequest
        self._receive = http.client.HTTPConnection.getresponse

    def send(
        self, connection: http.client.HTTPConnection, method: str, url: str, **rest: Any
    ) -> None:
        self.is_creating = method == "POST" and url.endswith(("/create", "/statements"))
        if self.point == "polling" and self.created:
            die()
        if self.point == "posting" and self.is_creating:
            die()
        self._send(connection, method, url, **rest)

    def receive(self, connection: http.client.HTTPConnection) -> Any:
        if self.point == "answering" and self.is_creating:
            die()
        answer = self._receive(connection)
        if self.point == "storing" and self.is_creating:
            die()
        self.created |= self.is_creating
        return answer

    def tap(self) -> None:
        """Stand between this process and the network."""

        def putrequest(connection: http.client.HTTPConnection, *args: Any, **rest: Any) -> None:
            self.send(connection, *args, **rest)

        def getresponse(connection: http.client.HTTPConnection) -> Any:
            return self.receive(connection)

        wire: Any = http.client.HTTPConnection
        wire.putrequest, wire.getresponse = putrequest, getresponse


class Crashing:
    """An operator that dies in its first try."""

    point: str

    def execute(self, context: Context) -> Any:
        if context["ti"].try_number == 1:
            Wire(self.point).tap()
        try:
            return super().execute(context)  # type: ignore[misc]  # an operator comes after it
        except TaskDeferred:
            if context["ti"].try_number == 1 and self.point == "deferring":
                die()
            raise

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        is_first = context["ti"].try_number == 1
        if is_first and self.point == "resuming":
            die()
        result = super().execute_complete(context, event)  # type: ignore[misc]  # likewise
        if is_first and self.point == "returning":
            die()
        return result


class CrashingStatement(Crashing, LibraStatementOperator):
    """A statement whose task dies at *point*."""

    def __init__(self, *, point: str, **kwargs: Any) -> None:
        super().__init__(deferrable=point in WHILE_DEFERRED, **kwargs)
        self.point = point


class CrashingDriver(Crashing, SparkClusterJobOperator):
    """A driver whose task dies at *point*."""

    def __init__(self, *, point: str, **kwargs: Any) -> None:
        super().__init__(deferrable=point in WHILE_DEFERRED, **kwargs)
        self.point = point


with DAG(
    "crashing", schedule=None, default_args={"poll_interval": 1, "retries": 2, "retry_delay": 1}
):
    for point in POINTS:
        CrashingStatement(
            task_id=f"statement_{point}",
            point=point,
            sql=f"SELECT {NAP} AS nap, '{{{{ task.task_id }}}}' AS who",
        )
    for point in OF_DRIVERS:
        CrashingDriver(
            task_id=f"driver_{point}",
            point=point,
            application="{{ dag_run.conf['jar'] }}",
            java_class="Leaves",
            application_args=["{{ dag_run.conf['evidence'] }}/{{ task.task_id }}", "2"],
            conf=SMALL,
            spark_master_conn_id="spark_master_quick",
        )
    CrashingStatement.partial(task_id="mapped", point="storing", sql="SELECT :n AS n").expand(
        parameters=[{"n": 1}, {"n": 2}]
    )
