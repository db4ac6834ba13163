"""ISOLATED cluster jobs on a real master, through the hook."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.job import JobStatus, SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.hooks import LibraHook, SparkMasterHook

JOBS = Path(__file__).parent / "jobs"
SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.cores.max": "1"}


@pytest.fixture
def hook(cluster: StandaloneCluster) -> SparkMasterHook:
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
    return SparkMasterHook()


def ended(hook: SparkMasterHook, driver_id: str) -> JobStatus:
    view = hook.view(driver_id)
    for _ in range(240):
        status = hook.look(view).status
        if status.state.is_terminal:
            return status
        time.sleep(0.5)
    raise AssertionError(f"{driver_id} is still {status.state}")


def test_a_python_job_runs_on_the_cluster_and_finds_room_beside_libra(
    cluster: StandaloneCluster, libra: LocalLibra, hook: SparkMasterHook, tmp_path: Path
) -> None:
    """Without --master in appArgs it would run in local[*] on one worker, silently."""
    os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(libra.connection())
    answer = tmp_path / "facts.json"
    job = SparkJob.from_application(
        str(JOBS / "whereami.py"), application_args=[str(answer)], conf=SMALL
    )
    status = ended(hook, hook.submit(job, new_tag()).job_id)
    facts = json.loads(answer.read_text())

    assert status.state is JobState.SUCCEEDED
    assert facts["master"] == cluster.master_url
    assert facts["application"].startswith("app-")
    assert facts["tasks"] == ["ran"] * 4
    assert LibraHook().test_connection()[0]


def test_a_failed_driver_explains_itself(hook: SparkMasterHook, tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "facts.json"
    job = SparkJob.from_application(
        str(JOBS / "whereami.py"), application_args=[str(nowhere)], conf=SMALL
    )
    status = ended(hook, hook.submit(job, new_tag()).job_id)

    assert status.state is JobState.FAILED
    assert status.detail.startswith("FileNotFoundError: [Errno 2] No such file or directory")
