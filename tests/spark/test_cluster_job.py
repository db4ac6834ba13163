"""ISOLATED cluster jobs on a real master, through the hook."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from libra_provider.clients.stop import kill_and_verify
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.polling import PollingPolicy, Watch, utc_now
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks import LibraHook, SparkMasterHook
from libra_provider.hooks.watch import watch

JOBS = Path(__file__).parent / "jobs"
SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.cores.max": "1"}


@pytest.fixture
def hook(cluster: StandaloneCluster) -> SparkMasterHook:
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
    return SparkMasterHook()


def ended(hook: SparkMasterHook, driver_id: str) -> tuple[JobStatus, list[str]]:
    """How it ended, and what it has written."""
    view, lines = hook.view(driver_id), list[str]()
    for _ in range(600):
        found = hook.look(view)
        lines += map(str, found.lines)
        if found.status.state.is_terminal:
            return found.status, lines
        time.sleep(0.5)
    raise AssertionError(f"{driver_id} is still {found.status.state}")


def test_a_python_job_runs_on_the_cluster_and_finds_room_beside_libra(
    cluster: StandaloneCluster, libra: LocalLibra, hook: SparkMasterHook, tmp_path: Path
) -> None:
    """Without --master in appArgs it would run in local[*] on one worker, silently."""
    os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(libra.connection())
    answer = tmp_path / "facts.json"
    job = SparkJob.from_application(
        str(JOBS / "whereami.py"), application_args=[str(answer)], conf=SMALL
    )
    status, lines = ended(hook, hook.submit(job, new_tag()).job_id)
    facts = json.loads(answer.read_text())

    assert status.state is JobState.SUCCEEDED
    assert facts["master"] == cluster.master_url
    assert facts["application"].startswith("app-")
    assert facts["tasks"] == ["ran"] * 4
    assert LibraHook().test_connection()[0]
    assert lines.count(f"[stdout] working as {facts['application']}") == 1
    assert sum("Submitted application" in line for line in lines) == 1
    assert not any("Launch Command" in line for line in lines)
    assert status.location is not None
    assert status.location.application_id == facts["application"]
    assert str(status.location.spark_ui).startswith("http://127.0.0.1:")


@pytest.mark.slow
def test_drivers_that_hold_all_cores_are_told_so_and_ended(tmp_path: Path) -> None:
    """Both are RUNNING for the master, for ever; queued_timeout does not see it."""
    patience = PollingPolicy(poll_interval=1, executors_timeout=5)
    job = SparkJob.from_application(
        str(JOBS / "whereami.py"), application_args=[str(tmp_path / "facts.json")], conf=SMALL
    )
    with StandaloneCluster(cores=2, memory="2g") as small:
        os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(small.connection())
        hook = SparkMasterHook()
        first, second, third = (hook.submit(job, new_tag()).job_id for _ in range(3))
        waiting = hook.look(hook.view(third)).status
        outcome = watch(hook, hook.view(first), Watch(first, patience, utc_now()))
        killed = kill_and_verify(hook, second)

    assert waiting.detail.startswith("requests 1 core and 512 MiB; 1 worker alive, at most 0")
    assert "executors_timeout=5.0 s" in outcome.given_up
    assert "2 drivers hold all 2 cores and wait for each other" in outcome.given_up
    assert killed.state is JobState.KILLED


def test_a_failed_driver_explains_itself(hook: SparkMasterHook, tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "facts.json"
    job = SparkJob.from_application(
        str(JOBS / "whereami.py"), application_args=[str(nowhere)], conf=SMALL
    )
    status, _ = ended(hook, hook.submit(job, new_tag()).job_id)

    assert status.state is JobState.FAILED
    assert status.detail.startswith("FileNotFoundError: [Errno 2] No such file or directory")
