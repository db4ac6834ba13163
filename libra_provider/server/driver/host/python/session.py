"""The ``python`` statements of one session: one after the other, in one Python process."""

from __future__ import annotations

import base64
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from libra_provider.core.masking import masked_text
from libra_provider.server.driver.host.python import outcome
from libra_provider.server.driver.host.python.child import ChildEnded, PythonChild
from libra_provider.server.driver.host.python.connect import Connect, ConnectAccess
from libra_provider.server.driver.host.python.pool import ChildPool, TooManyChildren
from libra_provider.server.driver.messages import RunStatement, StatementEnded, too_large
from libra_provider.server.statement_logs import StatementLogs

CarryOut = Callable[[RunStatement], None]
Answer = Callable[[DataFrame], StatementEnded]


class PythonSession:
    """One Python process at a time: when it ends, the next statement starts a new one.

    *carry_out* is called with each statement in turn, on a thread of this session, and must call
    :meth:`run`.
    """

    def __init__(
        self, name: str, connect: Connect, children: ChildPool, logs: Path, carry_out: CarryOut
    ) -> None:
        self._name, self._logs, self._carry_out = name, logs, carry_out
        self._connect, self._children = connect, children
        self._waiting: deque[RunStatement] = deque()
        self._changed = threading.Condition()
        self._current: str | None = None
        self._doomed: set[str] = set()
        self._closed = False
        self._child: PythonChild | None = None
        self._access: ConnectAccess | None = None
        self._notice = ""
        threading.Thread(target=self._work, daemon=True, name=f"python {name}").start()

    def submit(self, statement: RunStatement) -> None:
        """Run *statement* after those before it."""
        with self._changed:
            self._waiting.append(statement)
            self._changed.notify()

    def kill(self, job_id: str) -> None:
        """End the statement and all its processes; does nothing if it is unknown."""
        with self._changed:
            if self._current == job_id:
                self._doomed.add(job_id)
                if self._child:
                    self._child.kill()
            for statement in [each for each in self._waiting if each.job_id == job_id]:
                self._doomed.add(job_id)
                self._waiting.remove(statement)
                # It ends without waiting for those before it.
                threading.Thread(target=self._carry_out, args=[statement], daemon=True).start()

    def close(self) -> None:
        """End the process and every statement."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            known = [self._current, *(each.job_id for each in self._waiting)]
        for job_id in filter(None, known):
            self.kill(job_id)

    def run(self, spark: SparkSession, statement: RunStatement, answer: Answer) -> StatementEnded:
        """Run *statement* and return how it ended; raises Spark's errors."""
        notice = self._notice
        try:
            return self._run(spark, statement, answer)
        except TooManyChildren as why:
            return outcome.refused(statement, str(why))
        except ChildEnded as why:
            if statement.job_id in self._doomed:
                return outcome.killed(statement, session_closed=self._closed)
            return outcome.died(statement, str(why), notice=notice)
        finally:
            self._leave(statement.job_id)

    def _work(self) -> None:
        while statement := self._next():
            self._carry_out(statement)
        if self._child:
            self._children.give_back(self._child)
        if self._access:
            self._connect.close(self._access)

    def _next(self) -> RunStatement | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            statement = self._waiting.popleft()
            self._current = statement.job_id
            return statement

    def _run(self, spark: SparkSession, statement: RunStatement, answer: Answer) -> StatementEnded:
        logs = StatementLogs(self._logs, statement.job_id)
        logs.prepare()
        child = self._enter(statement.job_id, ends_session=statement.ends_session)
        access = self._access_to(spark)
        notice, self._notice = self._notice, ""
        if notice:
            _append(logs, f"{notice}\n")
        self._connect.begin(access, pool=statement.pool, group=statement.job_id)
        try:
            child.log_to(logs.folder / statement.job_id)
            answered = child.run(self._words(statement, access))
        finally:
            self._connect.end(access)
        if "kind" in answered:
            _append(logs, masked_text(answered["trace"]))
            return outcome.failed(statement, answered, notice=notice)
        if "too_large" in answered:
            what, way_out = answered["too_large"], answered["way_out"]
            return too_large(statement, what, way_out, rows=answered["rows"], size=answered["size"])
        if "rows" in answered:
            return answer(self._connect.frame(access, base64.b64decode(answered["rows"])))
        return outcome.succeeded(statement, answered.get("value"))

    def _enter(self, job_id: str, *, ends_session: bool) -> PythonChild:
        """Return the process, which a kill now finds; raises ChildEnded after an earlier kill."""
        if self._current != job_id:
            raise ChildEnded("was not started")
        self._replace("ended while no statement ran")
        child = self._child or self._children.take(is_kept=not ends_session)
        with self._changed:
            self._child = child
            if job_id in self._doomed:
                child.kill()
        return child

    def _leave(self, job_id: str) -> None:
        with self._changed:
            was_killed = job_id in self._doomed
            self._doomed.discard(job_id)
            if self._current != job_id:
                return
            self._current = None
        if was_killed and self._child:
            self._child.kill()
            self._child.end()
        self._replace(f"was killed with statement {job_id}" if was_killed else "")

    def _replace(self, why: str) -> None:
        """Forget a process that has ended."""
        if self._child is None or not self._child.has_ended:
            return
        with self._changed:
            child, self._child = self._child, None
        found = self._children.give_back(child)
        self._notice = (
            f"The variables of session {self._name!r} are lost: its Python process {why or found}."
        )
        if self._access:
            self._connect.interrupt(self._access)

    def _access_to(self, spark: SparkSession) -> ConnectAccess:
        if self._access is None:
            self._access = ConnectAccess(spark)
        return self._access

    def _words(self, statement: RunStatement, access: ConnectAccess) -> dict[str, Any]:
        is_limited = statement.result_path is None and not statement.as_text
        return {
            "code": statement.code,
            "args": list(statement.args),
            "address": self._connect.address(access),
            "most_rows": statement.result_limit if is_limited else None,
            "most_bytes": statement.result_max_bytes if is_limited else None,
        }


def _append(logs: StatementLogs, text: str) -> None:
    with logs.path("stderr").open("a") as file:
        file.write(text)
