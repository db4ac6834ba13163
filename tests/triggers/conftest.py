"""Fakes on real ports, jobs that wait there, and an event loop for each test."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from libra_provider.core.job import JobHandle, SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.polling import PollingPolicy, utc_now
from libra_provider.hooks import LibraHook, SparkMasterHook
from libra_provider.triggers.job import JobTrigger
from tests.fakes.spark_master import FakeMaster
from tests.operators.conftest import libra, master

__all__ = ["libra", "master"]
JAR = SparkJob.from_application("local:/x.jar", java_class="Main", conf={"spark.cores.max": "1"})
SQL = SparkJob(kind=Kind.SQL, code="select 1")
_OWN = ("kills", "with_log", "announced_at", "linked", "fires_after", "deferred_at")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def make_trigger(
    job_id: str, *, at: type[Any] = SparkMasterHook, age: float = 3600, **rest: Any
) -> JobTrigger:
    """A trigger for a job submitted *age* seconds ago; *rest*: its own arguments and patience."""
    own = {name: rest.pop(name) for name in _OWN if name in rest}
    hook: SparkMasterHook | LibraHook = at()
    patience = PollingPolicy(**{"poll_interval": 0.5, **rest})
    return JobTrigger(
        handle=JobHandle(hook.backend, hook.connection_id, job_id, "tag").to_json(),
        patience=asdict(patience),
        submitted_at=(utc_now() - timedelta(seconds=age)).isoformat(),
        **own,
    )


def drivers(master: FakeMaster, count: int, state: str = "RUNNING") -> list[str]:
    """The ids of so many drivers in *state*, each with its log."""
    master.states = [state]
    hook = SparkMasterHook()
    job_ids = [hook.submit(JAR, f"{number:032x}").job_id for number in range(count)]
    hook.close()
    connected = "INFO Connected to Spark cluster with app ID"
    for number, job_id in enumerate(job_ids):
        stderr = f"{connected} {job_id.replace('driver', 'app')}\n"
        logs = {"stdout": f"number {number} works\n", "stderr": stderr}
        master.drivers[job_id].logs = logs
    master.requests.clear()
    return job_ids


def end(master: FakeMaster, state: str = "FINISHED") -> None:
    """Have all drivers end in *state*."""
    for driver in master.drivers.values():
        driver.logs["stdout"] += "the last line\n"
        driver.states = [state]
