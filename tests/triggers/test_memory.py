"""A triggerer holds ten thousand waiting jobs: what each keeps for as long as it waits."""

from __future__ import annotations

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

import libra_provider
from libra_provider.clients.observation import JobGroup
from libra_provider.core.polling import PollingPolicy, Watch, utc_now
from libra_provider.hooks import SparkMasterHook
from libra_provider.triggers.subscription import Subscription
from tests.fakes.spark_master import FakeMaster
from tests.triggers.conftest import drivers

pytestmark = pytest.mark.anyio
JOBS = 50
LOG = f"{'a long line':1000}\n" * 20


@pytest.fixture
def kept(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], float]]:
    """How many bytes our modules have taken since then and hold still, by job."""
    caplog.set_level(logging.WARNING, logger="libra_provider")  # pytest keeps what is logged
    ours = tracemalloc.Filter(inclusive=True, filename_pattern=f"{libra_provider.__path__[0]}/*")

    def measured() -> float:
        gc.collect()
        snapshot = tracemalloc.take_snapshot().filter_traces([ours])
        return sum(each.size for each in snapshot.statistics("filename")) / JOBS

    tracemalloc.start()
    yield measured
    tracemalloc.stop()


@asynccontextmanager
async def waiting_for(job_ids: list[str]) -> AsyncIterator[None]:
    """Wait for *job_ids*, with their states and their logs so far, as a poller does."""
    hook = SparkMasterHook()
    await hook.aclient()
    group, patience = hook.group(), PollingPolicy()
    views = [group.view(each, with_log=True) for each in job_ids]
    waiting = [Subscription(v, Watch(v.job_id, patience, utc_now()), lambda _: None) for v in views]
    tasks = [asyncio.create_task(each.outcome()) for each in waiting]
    for _ in range(3):
        await look(hook, group, waiting)
    yield
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await hook.aclose()


async def look(hook: SparkMasterHook, group: JobGroup, waiting: list[Subscription]) -> None:
    """A round of a poller that may read all logs at once."""
    told = await hook.arun_dialogue(group.together([each.view for each in waiting])) or {}
    for each in waiting:
        each.update(await hook.arun_dialogue(each.view.details(told[each.view.job_id])))
        await asyncio.sleep(0)


async def test_a_job_that_waits_keeps_less_than_two_kilobytes(
    master: FakeMaster, kept: Callable[[], float]
) -> None:
    """Airflow itself keeps some twenty for each trigger."""
    job_ids = drivers(master, JOBS)
    before = kept()
    async with waiting_for(job_ids):
        each = kept() - before

    assert 500 < each < 1800


async def test_nothing_that_a_log_has_said_is_kept(
    master: FakeMaster, kept: Callable[[], float]
) -> None:
    """Each of ten thousand would keep the last piece of its log until the next one is there."""
    job_ids = drivers(master, JOBS)
    for each in master.drivers.values():
        each.logs["stdout"] = LOG
    before = kept()
    async with waiting_for(job_ids):
        grown = kept() - before

    assert grown < len(LOG) / 4
