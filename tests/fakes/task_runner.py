"""Runs an operator through Airflow's real task runner, without a database.

A fake Execution API behind httpx's MockTransport keeps what a task stores, so that a second try
finds what the first left; it can also be served on a real port, for a try in a process of its own.
These are internals of Airflow 3.3.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from airflow.models.trigger import TriggerFailureReason
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.api.client import Client
from airflow.sdk.api.datamodels._generated import TaskInstance
from airflow.sdk.execution_time.supervisor import run_task_in_process
from airflow.sdk.serde import deserialize, serialize
from airflow.triggers.base import BaseTrigger

_STORE = re.compile(r".*/store/ti/[^/]+/(?P<key>.*)")


@dataclass
class TaskRunner:
    """One logical run of one task: its tries, what they stored, and what they pushed."""

    max_tries: int = 2
    clear_number: int = 0
    store: dict[str, Any] = field(default_factory=dict)
    xcoms: dict[str, Any] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    try_number: int = 0
    _next: dict[str, Any] = field(default_factory=dict)

    def run(self, task: BaseOperator) -> Any:
        """Run one try of *task*; the result that Airflow's runner gives."""
        self.try_number += 1
        return self._run(task)

    def clear(self, retries: int = 2) -> None:
        """Do as a user who clears the task while it does not run; it has so many *retries*."""
        self.max_tries = self.try_number + retries
        self.clear_number += 1

    def clear_another(self) -> None:
        """Do as a user who clears another task of the run, or this one while it runs."""
        self.clear_number += 1

    def run_over(self, api_url: str, task: BaseOperator) -> Any:
        """Run the try that is under way against the Execution API at *api_url*."""
        return self._run(task, Client(base_url=api_url, token="x"))

    def resume(self, task: BaseOperator) -> Any:
        """Run the trigger that the last try deferred to, and resume *task* with its event."""
        with self.event_at_hand():
            return self._run(task)

    @contextmanager
    def event_at_hand(self) -> Iterator[None]:
        """Run the trigger that the last try deferred to; a run in here resumes with its event."""
        deferred = self.states[-1]
        event = asyncio.run(_first_event(_trigger_of(deferred)))
        kwargs = {**deferred.get("next_kwargs", {}), "event": event}
        with self._resuming(deferred["next_method"], kwargs):
            yield

    def time_out(self, task: BaseOperator) -> Any:
        """Resume *task* as the scheduler does when the time of its deferral is over."""
        with self._resuming("__fail__", {"error": TriggerFailureReason.TRIGGER_TIMEOUT.value}):
            return self._run(task)

    def fail_trigger(self, task: BaseOperator) -> Any:
        """Resume *task* as the triggerer does when its trigger has raised."""
        with self._resuming("__fail__", {"error": TriggerFailureReason.TRIGGER_FAILURE.value}):
            return self._run(task)

    @contextmanager
    def _resuming(self, method: str, kwargs: dict[str, Any]) -> Iterator[None]:
        self._next = {"next_method": method, "next_kwargs": serialize(kwargs)}
        try:
            yield
        finally:
            self._next = {}

    def _run(self, task: BaseOperator, client: Client | None = None) -> Any:
        if not task.has_dag():  # type: ignore[no-untyped-call]  # Airflow left it untyped
            DAG("d", schedule=None).add_task(task)
        transport = httpx.MockTransport(self._answer)
        instance = TaskInstance(
            id=uuid.uuid4(),
            task_id=task.task_id,
            dag_id="d",
            run_id="r",
            try_number=self.try_number,
            map_index=-1,
            dag_version_id=uuid.uuid4(),
        )
        client = client or Client(
            base_url="http://airflow.invalid/", token="x", transport=transport
        )
        return run_task_in_process(ti=instance, task=task, client=client)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return self.answer(request.method, request.url.path, request.content)

    def answer(self, method: str, path: str, content: bytes) -> httpx.Response:
        """What the Execution API says."""
        body = json.loads(content or b"null")
        if path.endswith("/run"):
            return httpx.Response(200, json=self._run_context() | self._next)
        if path.endswith("/state"):
            self.states.append(body)
            return httpx.Response(204)
        if found := _STORE.match(path):
            return self._answer_store(method, found["key"], body)
        if "/xcoms/" in path and method == "POST":
            self.xcoms[path.rsplit("/", 1)[1]] = body
            return httpx.Response(201, json={"message": "ok"})
        return httpx.Response(200, json={})

    def _answer_store(self, method: str, key: str, body: Any) -> httpx.Response:
        if method == "PUT":
            self.store[key] = body["value"]
            return httpx.Response(204)
        if method == "DELETE":
            self.store.pop(key, None)
            return httpx.Response(204)
        if key in self.store:
            return httpx.Response(200, json={"value": self.store[key]})
        missing = {"reason": "not_found", "message": f"no {key}"}
        return httpx.Response(404, json={"detail": missing})

    def _run_context(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        run: dict[str, Any] = {
            "dag_id": "d",
            "run_id": "r",
            "logical_date": now,
            "start_date": now,
            "run_type": "manual",
            "run_after": now,
            "data_interval_start": None,
            "data_interval_end": None,
            "end_date": None,
            "partition_key": None,
            "state": "running",
            "clear_number": self.clear_number,
            "consumed_asset_events": [],
        }
        return {"dag_run": run, "max_tries": self.max_tries, "should_retry": True}


def _trigger_of(deferred: dict[str, Any]) -> BaseTrigger:
    module, _, name = deferred["classpath"].rpartition(".")
    trigger_class = getattr(importlib.import_module(module), name)
    kwargs: Any = deserialize(deferred["trigger_kwargs"])
    # There is no process of the deferred task whose end to wait for.
    kwargs["fires_after"] = 0.0
    trigger: BaseTrigger = trigger_class(**kwargs)
    return trigger


async def _first_event(trigger: BaseTrigger) -> Any:
    events = [event async for event in trigger.run()]
    if len(events) != 1:
        raise AssertionError(f"a trigger fires once, this one fired {len(events)} times")
    return events[0].payload
