"""A Libra that accepts statements and answers what a test decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from tests.fakes.artifacts import FakeStore
from tests.fakes.server import Answer, FakeServer, Request

TOKEN = "a-token-of-libra"
ARROW = "application/vnd.apache.arrow.stream"
DRIVER = {
    "where": "on Libra's shared driver",
    "host": "127.0.0.1",
    "applicationId": "app-1",
    "sparkUi": None,
}
WORKER = "http://127.0.0.1:8081"
ON_WORKER = DRIVER | {"where": "on worker w-1", "driverId": "driver-1", "logUrl": WORKER}
OVER = ("SUCCESS", "FAILED", "CANCELLED", "LOST")


@dataclass
class FakeStatement:
    """A statement; each status question takes the next of ``states``, the last one stays."""

    key: str | None
    body: dict[str, Any]
    states: list[str]
    session: str = "default"
    killed: bool = False
    asked: int = 0
    uploaded: bool = True

    def state(self) -> str:
        if self.killed:
            return "CANCELLED"
        self.asked += 1
        return self.states[min(self.asked, len(self.states)) - 1]

    def is_over(self) -> bool:
        return self.killed or self.states[max(min(self.asked, len(self.states)), 1) - 1] in OVER

    def mode(self) -> str:
        own = self.body.get("kind") in ("jar", "python-file") or self.body.get("deployMode")
        return "ISOLATED" if own or self.body.get("mode") == "isolated" else "SHARED"


@dataclass
class FakeLibra(FakeServer):
    """A Libra whose statements live ``states``, write ``logs`` and return ``rows``.

    Python ends with ``value`` instead where there is one; a log comes in pieces of ``piece`` bytes,
    and up to ``small`` rows with the end.
    """

    states: list[str] = field(default_factory=lambda: ["PENDING", "RUNNING", "SUCCESS"])
    columns: list[str] = field(default_factory=lambda: ["n"])
    rows: list[list[Any]] = field(default_factory=lambda: [[1]])
    types: list[Any] = field(default_factory=list)
    value: Any = ...
    small: int = 1000
    logs: dict[str, str] = field(default_factory=dict)
    piece: int = 100
    error: str | None = None
    error_class: str | None = None
    sql_state: str | None = None
    progress: dict[str, int] | None = None
    sessions: set[str] = field(default_factory=set)
    statements: dict[str, FakeStatement] = field(default_factory=dict)
    announced_states: list[str] = field(default_factory=lambda: ["SUCCESS"])
    announced_upload: bool = True
    disturb: Callable[[Request], Answer | None] = lambda _: None

    def __post_init__(self) -> None:
        super().__init__()
        self.store = FakeStore(problem)

    def answer(self, request: Request) -> Answer:
        disturbed = self.disturb(request)
        if disturbed is not None:
            return disturbed
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "The token is missing or wrong.")
        parts = urlsplit(request.path).path.strip("/").split("/")[2:]
        if parts[0] == "statements":
            return self._answer_statements(request, parts[1:])
        if parts[0] in ("artifacts", "jobs"):
            return self._answer_submitter(request, parts)
        if parts[0] == "sessions":
            return self._answer_sessions(request, parts[1:])
        match (request.method, parts):
            case ("GET", ["health"]):
                spark = {"version": "4.3.0", "master": "spark://m:7077", "status": "CONNECTED"}
                head = {"status": "UP", "service": "whereq-libra", "version": "1.0"}
                return Answer(body=head | {"spark": spark})
            case _:
                return problem(404, f"There is no {request.path}.")

    def _answer_statements(self, request: Request, parts: list[str]) -> Answer:
        match (request.method, parts):
            case ("POST", ["status" | "states" as verb]):
                return self._many(verb, request.json()["jobIds"])
            case ("POST", ["estimate"]):
                return self._estimate(request.json())
            case ("GET", []):
                return self._list(dict(parse_qsl(urlsplit(request.path).query)))
            case ("GET", [job_id]):
                return self._status(job_id, request)
            case ("DELETE", [job_id]):
                self.statements[job_id].killed = True
                return self._status(job_id)
            case ("GET", [job_id, "result"]):
                return self._result(job_id, request.headers.get("accept", ""))
            case ("GET", [job_id, "log"]):
                return self._log(job_id, dict(parse_qsl(urlsplit(request.path).query)))
            case _:
                return problem(404, f"There is no {request.path}.")

    def _submit(self, request: Request, session: str = "default") -> Answer:
        key = request.headers.get("idempotency-key")
        for job_id, statement in self.statements.items():
            if key and statement.key == key:
                return self._status(job_id, request)
        job_id = f"statement-{len(self.statements)}"
        self.sessions.add(session)
        statement = FakeStatement(key, request.json(), list(self.states), session=session)
        self.statements[job_id] = statement
        if "wait=" in request.headers.get("prefer", ""):
            return self._status(job_id, request)
        return Answer(202, self._shape(job_id, "PENDING"))

    def _answer_sessions(self, request: Request, parts: list[str]) -> Answer:
        match (request.method, parts):
            case ("POST", [session, "statements"]):
                return self._submit(request, unquote(session))
            case ("GET", []):
                return Answer(body=[_session(name) for name in sorted(self.sessions)])
            case ("DELETE", [name]):
                return self._close(unquote(name))
            case _:
                return problem(404, f"There is no {request.path}.")

    def _answer_submitter(self, request: Request, parts: list[str]) -> Answer:
        match (request.method, parts):
            case (_, ["artifacts", sha256, name]):
                return self.store.artifact(request, sha256, unquote(name))
            case ("PUT", ["jobs", tag]):
                return self._announce(request, tag)
            case ("POST", ["jobs", tag, "succeeded"]):
                return self._succeed(request, tag)
            case _:
                return problem(404, f"There is no {request.path}.")

    def _announce(self, request: Request, tag: str) -> Answer:
        answer = self.store.announce(request, tag, self.url)
        if answer.status == 201:
            statement = FakeStatement(None, request.json(), list(self.announced_states))
            self.statements[tag] = statement
        return answer

    def _succeed(self, request: Request, tag: str) -> Answer:
        statement = self.statements[tag]
        if statement.state() not in OVER:
            statement.uploaded = self.announced_upload or bool(request.json()["written"])
            is_broken = self.store.announced[tag]["returns"] and not statement.uploaded
            statement.states = ["FAILED" if is_broken else "SUCCESS"]
            self.error = self.error or "The driver ended without uploading the expected result"
        return self._status(tag)

    def _status(self, job_id: str, request: Request | None = None) -> Answer:
        statement = self.statements.get(job_id)
        if statement is None:
            return problem(404, f"Statement {job_id} is unknown here.")
        shape = self._shape(job_id, statement.state())
        prefer = request.headers.get("prefer", "") if request else ""
        if "return=representation" in prefer:
            shape["result"] = self._small(job_id) if shape["state"] == "SUCCESS" else None
        accepted = request and request.method == "POST" and shape["state"] not in OVER
        return Answer(202 if accepted else 200, shape, {"preference-applied": prefer})

    def _small(self, job_id: str) -> dict[str, Any] | None:
        """What comes along: all of few rows that are here, or a value."""
        body: dict[str, Any] = self._result(job_id, "").body
        return None if "uri" in body or body.get("rowCount", 0) > self.small else body

    def _many(self, verb: str, job_ids: list[str]) -> Answer:
        known = [job_id for job_id in job_ids if job_id in self.statements]
        if verb == "states":
            return Answer(body={"states": {i: self.statements[i].state() for i in known}})
        found = [self._shape(job_id, self.statements[job_id].state()) for job_id in known]
        # In no particular order: clients sort by id.
        unknown = [job_id for job_id in job_ids if job_id not in known]
        return Answer(body={"statements": found[::-1], "unknown": unknown})

    def _list(self, asked: dict[str, str]) -> Answer:
        name, _, value = asked.get("tag", "").partition(":")
        found = [
            shape
            for job_id, statement in reversed(self.statements.items())
            if (shape := self._shape(job_id, statement.state()))
            and all(
                shape[field] == asked.get(word, shape[field])
                for field, word in (("state", "state"), ("sessionId", "session"), ("pool", "pool"))
            )
            and (not name or shape["tags"].get(name) == value)
            and asked.get("key", statement.key) == statement.key
        ]
        return Answer(body={"statements": found[: int(asked["limit"])], "offset": 0, "limit": 100})

    def _estimate(self, body: dict[str, Any]) -> Answer:
        if "selec " in body["code"]:
            return problem(400, "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'.")
        return Answer(body={"bytes": 16 * len(self.rows), "rows": len(self.rows), "guessed": False})

    def _close(self, name: str) -> Answer:
        if name not in self.sessions:
            return problem(404, f"There is no session {name}.")
        self.sessions.remove(name)
        return Answer(204)

    def _shape(self, job_id: str, state: str) -> dict[str, Any]:
        body = self.statements[job_id].body
        moment = "2026-11-20T08:22:39+00:00"
        ended = state in OVER
        deploy_mode = body.get("deployMode", "client")
        driver = ON_WORKER if deploy_mode == "cluster" else DRIVER
        return {
            "jobId": job_id,
            "state": state,
            "sessionId": self.statements[job_id].session,
            "kind": body.get("kind", "sql"),
            "mode": self.statements[job_id].mode(),
            "deployMode": deploy_mode,
            "pool": body.get("pool", "default"),
            "description": body.get("description"),
            "tags": body.get("tags", {}),
            "error": self.error if state in ("FAILED", "LOST") else None,
            "errorClass": self.error_class if state == "FAILED" else None,
            "sqlState": self.sql_state if state == "FAILED" else None,
            "progress": self.progress if state == "RUNNING" else None,
            "driver": None if state == "PENDING" else driver,
            "submittedAt": moment,
            "startedAt": None if state == "PENDING" else moment,
            "completedAt": moment if ended else None,
        }

    def _log(self, job_id: str, asked: dict[str, str]) -> Answer:
        """Whole lines; of a statement that is over, its last one as well."""
        if job_id not in self.statements:
            return problem(404, f"Statement {job_id} is unknown here.")
        whole, start = self.logs.get(asked["stream"], "").encode(), int(asked["offset"])
        is_over = self.statements[job_id].is_over()
        part = whole[start : start + self.piece]
        if not (is_over and start + len(part) == len(whole)):
            part = part[: part.rfind(b"\n") + 1]
        end = start + len(part)
        ending = "" if not part or part.endswith(b"\n") else "\n"
        body = {"jobId": job_id, "stream": asked["stream"], "text": part.decode() + ending}
        complete = is_over and end >= len(whole)
        return Answer(body=body | {"nextOffset": end, "size": len(whole), "complete": complete})

    def _result(self, job_id: str, accept: str) -> Answer:
        if job_id not in self.statements:
            return problem(404, f"Statement {job_id} is unknown here.")
        if not self.statements[job_id].uploaded:
            return Answer(body={"jobId": job_id, "value": None})
        own = ("jar", "jar-class", "python-file")
        returns = self.value is not ... and self.statements[job_id].body.get("kind") != "jar"
        is_own = self.statements[job_id].key and self.statements[job_id].body.get("kind") in own
        if is_own and not returns:
            return Answer(body={"jobId": job_id, "value": None})
        if self.value is not ...:
            return Answer(body={"jobId": job_id, "value": self.value})
        if uri := self.statements[job_id].body.get("resultPath"):
            written = {"uri": uri, "rowCount": len(self.rows), "bytes": 512}
            return Answer(body=written | {"jobId": job_id, "schema": self._schema()})
        if accept == ARROW:
            return Answer(body=self._arrow(), headers={"content-type": ARROW})
        return Answer(
            body={
                "jobId": job_id,
                "schema": self._schema(),
                "columns": self.columns,
                "rows": self.rows,
                "offset": 0,
                "rowCount": len(self.rows),
            }
        )

    def _schema(self) -> dict[str, Any]:
        types = self.types or ["string"] * len(self.columns)
        fields = [
            {"name": name, "type": each, "nullable": True, "metadata": {}}
            for name, each in zip(self.columns, types, strict=True)
        ]
        return {"type": "struct", "fields": fields}

    def _arrow(self) -> bytes:
        columns = [pa.array(column) for column in zip(*self.rows, strict=True)]
        table = pa.table(columns, names=self.columns)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())


def _session(name: str) -> dict[str, Any]:
    return {
        "sessionId": name,
        "appId": "app-1",
        "state": "RUNNING",
        "master": "spark://m:7077",
        "sparkVersion": "4.3.0",
        "createdAt": "2026-11-20T08:22:39",
        "lastActivity": "2026-11-20T08:22:39",
    }


def problem(status: int, detail: str) -> Answer:
    """A problem document (RFC 9457)."""
    headers = {"content-type": "application/problem+json"}
    return Answer(status, {"status": status, "title": "Problem", "detail": detail}, headers)
