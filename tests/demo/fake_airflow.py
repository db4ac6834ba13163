"""The part of Airflow's REST API that the demo uses, on a real port."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.fakes.server import Answer, FakeServer, Request

PASSWORD = "open sesame"
States = dict[str, str | None]


class FakeAirflow(FakeServer):
    """One run of the Dag ``etl``; each question for its state moves *script* one step on."""

    def __init__(
        self,
        script: list[tuple[str, States]],
        *,
        xcoms: dict[tuple[str, str], Any] | None = None,
        logs: dict[str, list[dict[str, Any]]] | None = None,
    ) -> None:
        super().__init__()
        self.script, self.xcoms, self.logs = script, xcoms or {}, logs or {}
        self.step = -1

    def answer(self, request: Request) -> Answer:
        path = urlsplit(request.path).path
        if path == "/auth/token":
            right = request.json() == {"username": "admin", "password": PASSWORD}
            return Answer(201, {"access_token": "t"}) if right else Answer(401, {"detail": "no"})
        if request.headers.get("authorization") != "Bearer t":
            return Answer(401, {"detail": "who are you?"})
        if path == "/api/v2/dags/etl/dagRuns/run%2B1":
            self.step = min(self.step + 1, len(self.script) - 1)
            return Answer(200, {"state": self.script[self.step][0]})
        return self.about_tasks(path.removeprefix("/api/v2/dags/etl/dagRuns/run%2B1/"))

    def about_tasks(self, path: str) -> Answer:
        match path.split("/"):
            case ["taskInstances"]:
                rest: dict[str, Any] = {"start_date": None, "duration": 1.5, "try_number": 1}
                tasks = self.script[max(self.step, 0)][1].items()
                rows = [rest | {"task_id": name, "state": state} for name, state in tasks]
                return Answer(200, {"task_instances": rows})
            case ["taskInstances", task_id, "xcomEntries", key] if (task_id, key) in self.xcoms:
                return Answer(200, {"value": self.xcoms[task_id, key]})
            case ["taskInstances", task_id, "logs", "1"]:
                return Answer(200, {"content": self.logs[task_id]})
        return Answer(404, {"detail": f"{path} not found"})
