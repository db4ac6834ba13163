"""The part of Airflow's public REST API that is needed to follow a run."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from libra_provider.cluster.process import READY_WITHIN
from libra_provider.core.errors import (
    AccessDenied,
    JobGivenUp,
    ProtocolError,
    Rejected,
    ServerBusy,
    ServerUnreachable,
)

ENDED = frozenset({"success", "failed"})
_LOCKED = re.compile("database error|database is locked", re.IGNORECASE)
_LOCKED_AT_MOST = 5  # times in a row
Json = dict[str, Any]


class AirflowApi:
    """A client of the Airflow at *url*, logged in as one user.

    Every method raises ServerUnreachable, AccessDenied, or Rejected with Airflow's message. With
    SQLite, Airflow may find its database locked, without having done anything: then the request is
    repeated after *pause* seconds, up to four times, before ServerBusy is raised.
    """

    def __init__(
        self, url: str, *, user: str, password: str, timeout: float = 30.0, pause: float = 1.0
    ) -> None:
        self.url, self._timeout, self._pause = url, timeout, pause
        self._login = {"username": user, "password": password}
        self._token = ""

    def wait_for_dag(self, dag_id: str, *, within: float = READY_WITHIN) -> None:
        """Return once *dag_id* is parsed; raises JobGivenUp with the import errors otherwise."""
        gives_up_at = time.monotonic() + within
        while True:
            try:
                self._ask("GET", f"/dags/{quote(dag_id)}")
            except Rejected as refusal:
                if refusal.status != 404:
                    raise
                if time.monotonic() > gives_up_at:
                    raise JobGivenUp(f"the Dag {dag_id}", self._why_not_parsed()) from refusal
                time.sleep(0.3)
            else:
                return

    def _why_not_parsed(self) -> str:
        errors = self._ask("GET", "/importErrors").get("import_errors", [])
        found = "; ".join(f"{each['filename']}: {each['stack_trace'].strip()}" for each in errors)
        return found or "Airflow has not parsed it, and reports no import error"

    def unpause(self, dag_id: str) -> None:
        """Unpause *dag_id*."""
        self._ask("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run of *dag_id* now; return its run id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self._ask("POST", f"/dags/{quote(dag_id)}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of the run: queued, running, success or failed."""
        return str(self._ask("GET", _run(dag_id, run_id))["state"])

    def wait_for_run(self, dag_id: str, run_id: str, *, within: float = 300.0) -> str:
        """Wait for the end of the run and return its state; JobGivenUp after *within* seconds."""
        gives_up_at = time.monotonic() + within
        while (state := self.run_state(dag_id, run_id)) not in ENDED:
            if time.monotonic() > gives_up_at:
                raise JobGivenUp(run_id, f"it was still {state} after {within:.0f} s")
            time.sleep(0.5)
        return state

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        """Return all task instances of the run, in Airflow's JSON form."""
        found = self._ask("GET", f"{_run(dag_id, run_id)}/taskInstances?limit=100")
        return list(found["task_instances"])

    def log(
        self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1
    ) -> str:
        """Return the task's log as text, one line per event."""
        query = urlencode({"full_content": "true", "map_index": map_index})
        path = f"{_task(dag_id, run_id, task_id)}/logs/{try_number}?{query}"
        return "\n".join(_log_lines(self._ask("GET", path)["content"]))

    def xcom(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        key: str = "return_value",
        *,
        map_index: int = -1,
    ) -> Any:
        """Return the value of an XCom, or None if there is none."""
        path = f"{_task(dag_id, run_id, task_id)}/xcomEntries/{quote(key)}?map_index={map_index}"
        try:
            return self._ask("GET", path)["value"]
        except Rejected as refusal:
            if refusal.status == 404:
                return None
            raise

    def links(
        self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1
    ) -> dict[str, str | None]:
        """Return the task's extra links by name; None for those without a target yet."""
        path = f"{_task(dag_id, run_id, task_id)}/links?map_index={map_index}"
        return dict(self._ask("GET", path)["extra_links"])

    def clear(self, dag_id: str, run_id: str, task_ids: Iterable[str]) -> None:
        """Clear *task_ids* of the run, whatever their state, so that they run again."""
        body = {"dry_run": False, "only_failed": False, "reset_dag_runs": True}
        chosen = {"dag_run_id": run_id, "task_ids": list(task_ids)}
        self._ask("POST", f"/dags/{quote(dag_id)}/clearTaskInstances", body | chosen)

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Set a task instance's state ("failed", "success") as a user does in the UI."""
        self._ask("PATCH", _task(dag_id, run_id, task_id), {"new_state": state})

    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        """Set a run's state ("failed", "success"); its unfinished tasks end with it."""
        self._ask("PATCH", _run(dag_id, run_id), {"state": state})

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run that has ended, with everything that Airflow stores about it."""
        self._ask("DELETE", _run(dag_id, run_id))

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        if not self._token:
            self._token = self._send("POST", "/auth/token", self._login)["access_token"]
        for _ in range(_LOCKED_AT_MOST - 1):
            try:
                return self._send(method, f"/api/v2{path}", body)
            except ServerBusy:
                time.sleep(self._pause)
        return self._send(method, f"/api/v2{path}", body)

    def _send(self, method: str, path: str, body: Json | None) -> Json:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=self._timeout)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            reply = connection.getresponse()
            return self._read(reply.status, reply.read())
        except (OSError, http.client.HTTPException) as error:
            raise ServerUnreachable(self.url, str(error), may_have_arrived=True) from error
        finally:
            connection.close()

    def _read(self, status: int, content: bytes) -> Json:
        text = content.decode(errors="replace")
        if status in (401, 403):
            raise AccessDenied(self.url, status, text[:200])
        if status >= 500 and _LOCKED.search(text):
            raise ServerBusy(self.url, text[:500])
        if status >= 400:
            raise Rejected(self.url, status, text[:500])
        try:
            return dict(json.loads(text)) if text else {}
        except (ValueError, TypeError) as error:
            raise ProtocolError(
                self.url, status, "the response is not a JSON object", text[:200]
            ) from error


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _task(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run(dag_id, run_id)}/taskInstances/{quote(task_id)}"


def _log_lines(events: Iterable[Json | str]) -> Iterable[str]:
    for event in events:
        if isinstance(event, str):
            yield event
        else:
            details = event.get("error_detail") or []
            causes = [f"{each.get('exc_type')}: {each.get('exc_value')}" for each in details]
            yield "\n".join([str(event.get("event", "")), *causes])
