"""The public Java Libra, by its contract: statements block, and that is all it offers.

It ignores unknown fields; other paths are Spring's own 404."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fakes.server import Answer, FakeServer, Request

KINDS = ("sql", "python", "python-file", "jar", "jar-class")
# Local times without a zone, of a machine that is not in UTC.
STARTED, COMPLETED = "2026-11-20T03:22:39.123", "2026-11-20T03:22:41.623"


@dataclass
class OldLibra(FakeServer):
    """An old Libra whose SQL statements give ``rows``, or fail with ``error``.

    ``spark_error`` is what its health says while Spark is down; ``over`` holds statements back
    until it is set; with ``hangs_up`` the answer is lost after the work is done.
    """

    rows: list[str] = field(default_factory=lambda: ["[1]"])
    schema: str = "struct<n:int>"
    error: str | None = None
    spark_error: str | None = None
    hangs_up: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    ran: list[dict[str, Any]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__()
        self.over.set()

    def answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path).path.strip("/").split("/")
        match (request.method, parts):
            case ("GET", ["api", "v1", "health"]):
                return Answer(body=self._health())
            case ("GET", ["api", "v1", "sessions"]):
                return Answer(body=[_session("default")])
            case ("DELETE", ["api", "v1", "sessions", _]):
                return Answer(204)
            case ("POST", ["api", "v1", "sessions", session, "statements"]):
                return self._run(unquote(session), request.json())
            case _:
                return _not_found(request)

    def _health(self) -> dict[str, Any]:
        """200 whatever happened; only ``spark`` shows it."""
        spark = {
            "version": "3.5.1",
            "applicationId": "app-1",
            "master": "spark://m:7077",
            "status": "CONNECTED",
            "activeSessions": "1",
        }
        if self.spark_error:
            spark = {"status": "ERROR", "error": self.spark_error}
        return {"status": "UP", "service": "whereq-libra", "spark": spark}

    def _run(self, session: str, body: dict[str, Any]) -> Answer:
        self.ran.append(body)
        self.arrived.set()
        self.over.wait(300)
        if self.hangs_up:
            return Answer(hang_up=True)
        error, result = self._outcome(body)
        return Answer(
            body={
                "jobId": f"job-{len(self.ran)}",
                "sessionId": session,
                "state": "FAILED" if error else "SUCCESS",
                "result": result,
                "error": error,
                "startedAt": STARTED,
                "completedAt": COMPLETED,
                "executionTimeMs": 2500,
            }
        )

    def _outcome(self, body: dict[str, Any]) -> tuple[str | None, str | None]:
        kind = body.get("kind", "sql")
        if kind not in KINDS:
            return None, f"Job type '{kind}' execution not yet implemented"
        if kind == "sql" and not body.get("code"):
            return "Code is required for SQL statements", None
        if self.error or self.spark_error:
            return self.error or self.spark_error, None
        return None, self._text()

    def _text(self) -> str:
        total, shown = len(self.rows), self.rows[:20]
        last = (
            f"Total rows: {total}" if total <= 20 else f"... showing {len(shown)} of {total} rows"
        )
        return "\n".join([f"Schema: {self.schema}", *shown, last])


def _session(name: str) -> dict[str, Any]:
    return {
        "sessionId": name,
        "appId": "app-1",
        "state": "RUNNING",
        "master": "spark://m:7077",
        "sparkVersion": "3.5.1",
        "createdAt": STARTED,
        "lastActivity": COMPLETED,
    }


def _not_found(request: Request) -> Answer:
    body = {
        "timestamp": "2026-11-20T08:22:39.123+00:00",
        "status": 404,
        "error": "Not Found",
        "path": urlsplit(request.path).path,
    }
    return Answer(404, body)
