"""Airflow's real triggerer with many triggers, without the database that would hold them.

The process that runs the triggers, its logs and its talk with its supervisor are Airflow's; what is
ours is where the supervisor finds the triggers and what it does with their events.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import structlog
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.executors.workloads.trigger import RunTrigger
from airflow.jobs.triggerer_job_runner import TriggerLoggingFactory, TriggerRunnerSupervisor
from airflow.triggers.base import BaseTrigger, TriggerEvent

from benchmarks.cpu import cpu_of
from libra_provider.core.job import Backend

INTERVAL = 5.0  # seconds between two looks
_OWN = ("/counts", "/end", "/ended")
_FILES = 20_000
_SETTLES_WITHIN = 400.0  # seconds
_QUIET = 30.0  # seconds in which nothing ends
_ENDING = 30.0  # seconds in which jobs end, and so many:
_ENDS = 300
_SLOWEST = 60.0  # seconds until the event of one that has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which triggers are to run: *backend* None is one that does nothing but wait."""

    backend: Backend | None
    with_log: bool
    jobs: Sequence[str]
    port: int
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was measured of one process: shares of a core, bytes, requests in a second, seconds."""

    cpu: float
    supervisor_cpu: float
    memory: float
    requests: Mapping[str, float]
    delays: Sequence[float]


class Waits(BaseTrigger):
    """What a trigger costs that does nothing: Airflow's own share."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """As Airflow wants it."""
        return "benchmarks.triggerer.Waits", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for ever."""
        await asyncio.Event().wait()
        yield TriggerEvent(None)  # type: ignore[no-untyped-call]  # Airflow left it untyped


@attrs.define(kw_only=True)
class Supervisor(TriggerRunnerSupervisor):
    """The supervisor of a triggerer whose triggers are given."""

    triggers: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    classpath: str = ""
    fired: dict[int, float] = attrs.field(factory=dict)

    @property
    def started(self) -> list[int]:
        """Those that have logged something."""
        return [i for i, each in self.logger_cache.items() if hasattr(each, "bound_logger")]

    def load_triggers(self) -> None:
        """Those that have not fired."""
        self.update_triggers(set(self.triggers) - set(self.fired))

    def build_trigger_workloads(self, new_trigger_ids: set[int]) -> list[RunTrigger]:
        """As from their rows."""
        return [self._workload(trigger_id) for trigger_id in sorted(new_trigger_ids)]

    def _workload(self, trigger_id: int) -> RunTrigger:
        task = TaskInstanceDTO(
            id=uuid.uuid4(),
            dag_version_id=uuid.uuid4(),
            task_id=f"waits_{trigger_id}",
            dag_id="many",
            run_id="scheduled__2026-11-20T00:00:00+00:00",
            try_number=1,
            map_index=-1,
            pool_slots=1,
            queue="default",
            priority_weight=1,
        )
        path = f"many/{trigger_id}.log"
        self.logger_cache[trigger_id] = TriggerLoggingFactory(log_path=path, ti=task)  # type: ignore[arg-type]  # as Airflow does
        return RunTrigger(
            id=trigger_id,
            classpath=self.classpath,
            encrypted_kwargs=json.dumps(self.triggers[trigger_id]),
            ti=task,
        )

    def on_trigger_event(self, trigger_id: int, event: Any) -> None:  # noqa: ARG002 - as Airflow has it
        """Note when it came."""
        self.fired[trigger_id] = time.time()

    def on_trigger_failure(self, trigger_id: int, exc: list[str] | None) -> None:
        """No trigger fails here."""
        raise RuntimeError(f"trigger {trigger_id} failed: {''.join(exc or [])}")

    def clean_unused(self) -> None:
        """There is no database."""

    def heartbeat(self) -> None:
        """Does nothing: no one is notified."""

    def metric_tags(self) -> dict[str, str]:
        """Whose the metrics are."""
        return {"hostname": "bench"}


def measure(order: Order) -> Found:
    """Run the triggers of *order* until all wait; what they cost, and how late some are."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    _environment(order)
    classpath, triggers = _triggers(order)
    running = Supervisor.start(
        capacity=len(triggers),
        logger=structlog.get_logger(),
        triggers=triggers,
        classpath=classpath,
    )
    try:
        return _measured(running, order)
    finally:
        running.kill(signal.SIGTERM, escalation_delay=10, force=True)


def _measured(running: Supervisor, order: Order) -> Found:
    # Each logs that it starts; whom the supervisor has sent may still be waiting for that.
    _run(running, lambda: len(running.started) == len(order.jobs), _SETTLES_WITHIN)
    _until_quiet(running)
    cpu, asked, began = _cpu(running), _asked(order), time.monotonic()
    _run(running, lambda: time.monotonic() > began + _QUIET)
    seconds = time.monotonic() - began
    used = {pid: (now - cpu[pid]) / seconds for pid, now in _cpu(running).items()}
    requests = {k: (n - asked[k]) / seconds for k, n in _asked(order).items()}
    return Found(
        cpu=used[running.pid],
        supervisor_cpu=used[os.getpid()],
        memory=pss(running.pid),
        requests={path: n for path, n in requests.items() if n and path not in _OWN},
        delays=_delays(running, order) if order.backend else [],
    )


def _run(running: Supervisor, done: Callable[[], bool], within: float = 600.0) -> None:
    gives_up_at = time.monotonic() + within
    while not done():
        if time.monotonic() > gives_up_at or not running.is_alive():
            left = f"{len(running.started)} triggers run, {len(running.fired)} have fired"
            raise RuntimeError(f"{left}, and no more")
        running.run_once()


def _until_quiet(running: Supervisor) -> None:
    """Return when two stretches of ten seconds cost about the same."""
    before = float("inf")
    gives_up_at = time.monotonic() + _SETTLES_WITHIN
    while time.monotonic() < gives_up_at:
        cpu, ends_at = _cpu(running)[running.pid], time.monotonic() + 10
        _run(running, lambda at=ends_at: time.monotonic() > at)  # type: ignore[misc]  # bound now
        used = _cpu(running)[running.pid] - cpu
        if used > before * 0.9:
            return
        before = used


def _delays(running: Supervisor, order: Order) -> list[float]:
    """From the end of some jobs to the event of its trigger, as received by its supervisor."""
    _ask(order, "/end", {"count": _ENDS, "within": _ENDING})
    _run(running, lambda: len(running.fired) == _ENDS, _ENDING + _SLOWEST)
    number = {job_id: at for at, job_id in enumerate(order.jobs, 1)}
    return [running.fired[number[job_id]] - at for job_id, at in _ask(order, "/ended").items()]


def _cpu(running: Supervisor) -> dict[int, float]:
    kinds = {running.pid: "triggers"}
    runner = cpu_of(kinds)["triggers"]
    own = time.process_time()
    return {running.pid: runner, os.getpid(): own}


def pss(pid: int) -> int:
    """The memory of process *pid* in bytes, what it shares with others divided among them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _asked(order: Order) -> Counter[str]:
    return Counter(_ask(order, "/counts"))


def _ask(order: Order, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{order.port}{path}", data) as answer:
        return json.loads(answer.read())


def _environment(order: Order) -> None:
    url = f"http://127.0.0.1:{order.port}"
    master = {"rest_urls": url, "ui_urls": url}
    os.environ["AIRFLOW_CONN_LIBRA_BENCH"] = json.dumps(
        {"conn_type": "libra", "host": "127.0.0.1", "port": order.port, "password": "a-token"}
    )
    os.environ["AIRFLOW_CONN_MASTER_BENCH"] = json.dumps(
        {"conn_type": "spark_master", "host": "127.0.0.1", "extra": master}
    )
    os.environ["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] = str(order.folder)


def _triggers(order: Order) -> tuple[str, dict[int, dict[str, Any]]]:
    if order.backend is None:
        return "benchmarks.triggerer.Waits", {
            number: {} for number in range(1, len(order.jobs) + 1)
        }
    return "libra_provider.triggers.job.JobTrigger", dict(_kwargs(order))


def _kwargs(order: Order) -> Iterator[tuple[int, dict[str, Any]]]:
    connection = "libra_bench" if order.backend is Backend.LIBRA else "master_bench"
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for number, job_id in enumerate(order.jobs, 1):
        handle = {"backend": order.backend, "connection_id": connection, "tag": f"{number:032x}"}
        yield (
            number,
            {
                "handle": handle | {"job_id": job_id},
                "patience": {"poll_interval": INTERVAL},
                "submitted_at": an_hour_ago,
                "with_log": order.with_log,
            },
        )
