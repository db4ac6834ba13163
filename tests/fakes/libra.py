"""A Libra that accepts SQL and answers what a test decides, in the wire format of design.md, 8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.server import Answer, FakeServer, Request

TOKEN = "a-token-of-libra"
DRIVER = {"where": "in Libra", "host": "127.0.0.1", "applicationId": "app-1", "sparkUi": None}


@dataclass
class FakeStatement:
    """A statement; each status question takes the next of ``states``, the last one stays."""

    key: str | None
    body: dict[str, Any]
    states: list[str]
    killed: bool = False
    asked: int = 0

    def state(self) -> str:
        if self.killed:
            return "CANCELLED"
        self.asked += 1
        return self.states[min(self.asked, len(self.states)) - 1]


@dataclass
class FakeLibra(FakeServer):
    """A Libra whose statements live ``states`` and return ``rows``."""

    states: list[str] = field(default_factory=lambda: ["PENDING", "RUNNING", "SUCCESS"])
    columns: list[str] = field(default_factory=lambda: ["n"])
    rows: list[list[Any]] = field(default_factory=lambda: [[1]])
    error: str | None = None
    statements: dict[str, FakeStatement] = field(default_factory=dict)
    disturb: Callable[[Request], Answer | None] = lambda _: None

    def __post_init__(self) -> None:
        super().__init__()

    def answer(self, request: Request) -> Answer:
        disturbed = self.disturb(request)
        if disturbed is not None:
            return disturbed
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "The token is missing or wrong.")
        parts = urlsplit(request.path).path.strip("/").split("/")[2:]
        match (request.method, parts):
            case ("POST", ["sessions", _, "statements"]):
                return self._submit(request)
            case ("GET", ["statements", job_id]):
                return self._status(job_id)
            case ("DELETE", ["statements", job_id]):
                self.statements[job_id].killed = True
                return self._status(job_id)
            case ("GET", ["statements", job_id, "result"]):
                return self._result(job_id)
            case ("GET", ["health"]):
                spark = {"version": "4.3.0", "master": "spark://m:7077", "status": "CONNECTED"}
                return Answer(body={"status": "UP", "service": "libra", "spark": spark})
            case _:
                return problem(404, f"There is no {request.path}.")

    def _submit(self, request: Request) -> Answer:
        key = request.headers.get("idempotency-key")
        for job_id, statement in self.statements.items():
            if key and statement.key == key:
                return self._status(job_id)
        job_id = f"statement-{len(self.statements)}"
        self.statements[job_id] = FakeStatement(key, request.json(), list(self.states))
        return Answer(202, self._shape(job_id, "PENDING"))

    def _status(self, job_id: str) -> Answer:
        statement = self.statements.get(job_id)
        if statement is None:
            return problem(404, f"Statement {job_id} is unknown here.")
        return Answer(body=self._shape(job_id, statement.state()))

    def _shape(self, job_id: str, state: str) -> dict[str, Any]:
        moment = "2026-11-20T08:22:39+00:00"
        ended = state not in ("PENDING", "RUNNING")
        return {
            "jobId": job_id,
            "state": state,
            "error": self.error if state in ("FAILED", "LOST") else None,
            "driver": None if state == "PENDING" else DRIVER,
            "submittedAt": moment,
            "startedAt": None if state == "PENDING" else moment,
            "completedAt": moment if ended else None,
        }

    def _result(self, job_id: str) -> Answer:
        return Answer(
            body={
                "jobId": job_id,
                "schema": {"type": "struct", "fields": []},
                "columns": self.columns,
                "rows": self.rows,
                "offset": 0,
                "rowCount": len(self.rows),
            }
        )


def problem(status: int, detail: str) -> Answer:
    """A problem document (RFC 9457)."""
    headers = {"content-type": "application/problem+json"}
    return Answer(status, {"status": status, "title": "Problem", "detail": detail}, headers)
