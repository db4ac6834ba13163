"""Libra as its clients see it, and what Spark's own page says of the same driver."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import requests

ENDLESS = "SELECT count(*) FROM range(100000000000) WHERE id % 7 = 3 AND sqrt(id) > 5"
WAIT = {"Prefer": "wait=300"}
AT_ONCE = {"Prefer": "respond-async"}


class Client:
    def __init__(self, url: str, *, token: str) -> None:
        self._url = f"{url}/api/v1"
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def wait_until_there(self) -> None:
        deadline = time.monotonic() + 300
        while True:
            try:
                self._session.get(f"{self._url}/health", timeout=60)
            except requests.ConnectionError:
                assert time.monotonic() < deadline, "Libra does not listen"
                time.sleep(0.1)
            else:
                return

    def submit(
        self,
        code: str,
        headers: dict[str, str] | None = None,
        session: str = "default",
        **body: Any,
    ) -> dict[str, Any]:
        url = f"{self._url}/sessions/{session}/statements"
        reply = self._session.post(url, json={"code": code, **body}, headers=headers, timeout=360)
        assert reply.status_code in (200, 202), reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def status(self, job_id: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        url = f"{self._url}/statements/{job_id}"
        answer: dict[str, Any] = self._session.get(url, headers=headers, timeout=360).json()
        return answer

    def until(self, job_id: str, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + 300
        while (body := self.status(job_id))["state"] != state:
            assert time.monotonic() < deadline, body
            time.sleep(0.05)
        return body

    def health(self) -> Any:
        return self._session.get(f"{self._url}/health", timeout=60).json()

    def estimate(self, code: str) -> Any:
        url = f"{self._url}/statements/estimate"
        return self._session.post(url, json={"code": code}, timeout=60).json()

    def kill(self, job_id: str) -> None:
        self._session.delete(f"{self._url}/statements/{job_id}", timeout=60)

    def close_session(self, session: str) -> None:
        self._session.delete(f"{self._url}/sessions/{session}", timeout=60)

    def rows(self, job_id: str) -> Any:
        return self._session.get(f"{self._url}/statements/{job_id}/result", timeout=60).json()

    def arrow(self, job_id: str) -> Any:
        headers = {"Accept": "application/vnd.apache.arrow.stream"}
        url = f"{self._url}/statements/{job_id}/result"
        return pa.ipc.open_stream(self._session.get(url, headers=headers, timeout=60).content)

    def close(self) -> None:
        self._session.close()


T = TypeVar("T")


def in_time(found: Callable[[], list[T]]) -> list[T]:
    """What is *found* once it is anything: the page lags behind what it shows."""
    deadline = time.monotonic() + 60
    while not (there := found()):
        assert time.monotonic() < deadline, "the page does not tell"
        time.sleep(0.1)
    return there


class SparkPage:
    """Spark's REST API of the driver that ran *statement*."""

    def __init__(self, statement: dict[str, Any]) -> None:
        driver = statement["driver"]
        self._url = f"{driver['sparkUi']}/api/v1/applications/{driver['applicationId']}"

    def jobs(self, group: str) -> list[dict[str, Any]]:
        return [each for each in self._get("jobs") if each.get("jobGroup") == group]

    def stages(self, group: str) -> list[dict[str, Any]]:
        wanted = {stage for job in self.jobs(group) for stage in job["stageIds"]}
        return [each for each in self._get("stages") if each["stageId"] in wanted]

    def pools(self, group: str) -> set[str]:
        """Those in which the stages of *group* ran, once they are over."""
        # A stage that Spark skips was never in any pool, and is reported in the default one.
        ran = in_time(lambda: [each for each in self._over(group) if each["status"] != "SKIPPED"])
        return {each["schedulingPool"] for each in ran}

    def _over(self, group: str) -> list[dict[str, Any]]:
        """The stages of *group*; none before the end of each of them is reported."""
        stages = self.stages(group)
        is_over = all(each["status"] not in ("ACTIVE", "PENDING") for each in stages)
        return stages if is_over else []

    def plan(self, group: str) -> str:
        """The physical plan behind the first job of *group*, which succeeded."""
        job = in_time(lambda: self.jobs(group))[0]["jobId"]

        def plans() -> list[str]:
            found = self._get("sql?details=false&planDescription=true&length=1000")
            return [str(each["planDescription"]) for each in found if job in each["successJobIds"]]

        return in_time(plans)[0]

    def active_tasks(self) -> int:
        return sum(each["activeTasks"] for each in self._get("executors"))

    def wait_for_work(self) -> None:
        """Executors are busy: with the only statement that runs."""
        deadline = time.monotonic() + 300
        while not self.active_tasks():
            assert time.monotonic() < deadline, "it never works"
            time.sleep(0.1)

    def wait_until_idle(self) -> None:
        """Executors work no more; in less time than what was killed would have taken."""
        deadline = time.monotonic() + 60
        while self.active_tasks():
            assert time.monotonic() < deadline, "executors work on"
            time.sleep(0.1)

    def _get(self, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self._url}/{what}", timeout=30).json()
        return found
