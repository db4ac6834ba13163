"""Each verb of a hook is there twice: blocking, and with an ``a`` before it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Iterator
from typing import TypeVar

import pytest

from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.kinds import Kind
from libra_provider.core.states import JobState
from libra_provider.hooks import LibraHook, SparkMasterHook
from libra_provider.hooks.base import ServerHook
from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.spark_master import FakeMaster

T = TypeVar("T")
JAR = SparkJob.from_application(
    "local:/etl.jar", java_class="org.example.Etl", conf={"spark.cores.max": "1"}
)
SQL = SparkJob(kind=Kind.SQL, code="select 1")


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with FakeMaster(states=["RUNNING"], logs={"stdout": "hello\n"}) as fake:
        extra = {"rest_urls": fake.url, "ui_urls": fake.url}
        found = {"conn_type": "spark_master", "host": "127.0.0.1", "extra": extra}
        os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(found)
        yield fake


@pytest.fixture
def libra() -> Iterator[FakeLibra]:
    with FakeLibra(states=["RUNNING"]) as fake:
        found = {"conn_type": "libra", "host": "127.0.0.1", "port": fake.port, "password": TOKEN}
        os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(found)
        yield fake


async def closing(hook: ServerHook, answer: Awaitable[T]) -> T:
    try:
        return await answer
    finally:
        await hook.aclose()


@pytest.mark.parametrize(("hook_class", "job"), [(SparkMasterHook, JAR), (LibraHook, SQL)])
@pytest.mark.usefixtures("master", "libra")
def test_submit_status_and_kill_do_the_same_both_ways(
    hook_class: type[SparkMasterHook | LibraHook], job: SparkJob
) -> None:
    async def on_a_loop(hook: ServerHook) -> list[str]:
        job_id = (await hook.asubmit(job, new_tag())).job_id
        running = (await hook.astatus(job_id)).state
        await hook.akill(job_id)
        return [running, (await hook.astatus(job_id)).state]

    hook = hook_class()
    job_id = hook.submit(job, new_tag()).job_id
    running = hook.status(job_id).state
    hook.kill(job_id)
    blocking = [running, hook.status(job_id).state]
    hook.close()
    other = hook_class()

    assert blocking == [JobState.RUNNING, JobState.KILLED]
    assert asyncio.run(closing(other, on_a_loop(other))) == blocking


@pytest.mark.usefixtures("master")
def test_the_log_of_a_driver_is_the_same_both_ways() -> None:
    hook, other = SparkMasterHook(), SparkMasterHook()
    job_id = hook.submit(JAR, new_tag()).job_id

    assert hook.logs(job_id) == ["[stdout] hello"]
    assert asyncio.run(closing(other, other.alogs(job_id))) == ["[stdout] hello"]
    hook.close()
