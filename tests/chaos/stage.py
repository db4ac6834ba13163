"""A cluster, Libra and Airflow that forget nothing when they are killed, and a Dag at work."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.process import ManagedProcess
from libra_provider.cluster.standalone import StandaloneCluster
from tests.airflow.morning import Servers, servers_of, task_processes

DAG = "chaotic"
_SPARK = {
    "spark.cores.max": "2",
    "spark.driver.memory": "1g",
    "spark.executor.memory": "1g",
}
# Airflow and the master notice within seconds what they otherwise notice within minutes.
_AIRFLOW = {
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "3",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
}
_MASTER = {
    "spark.deploy.recoveryMode": "FILESYSTEM",
    "spark.deploy.recoveryTimeout": "5",
    "spark.worker.timeout": "10",
}


@dataclass(frozen=True)
class Stage:
    """Everything that can be killed, and what a job leaves behind."""

    airflow: LocalAirflow
    cluster: StandaloneCluster
    libra: LocalLibra
    servers: Servers
    evidence: Path

    @property
    def victims(self) -> dict[str, Callable[[], None]]:
        """By name, what kills it and brings it back; returns once it is back."""
        components = {
            "scheduler": self.airflow.components["scheduler"],
            "triggerer": self.airflow.components["triggerer"],
            "Libra": self.libra.process,
            "master": self.cluster.master,
            "worker": self.cluster.workers[0],
        }
        return {name: partial(_kill_and_start, each) for name, each in components.items()}

    def kill_a_task(self, dice: random.Random) -> bool:
        """Kill the process of one task; False where none runs."""
        running = sorted(task_processes(self.airflow.components["scheduler"].pid))
        if not running:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(dice.choice(running), signal.SIGKILL)
        return True


def _kill_and_start(process: ManagedProcess) -> None:
    process.kill()
    time.sleep(1)
    process.start()


@contextmanager
def stage(*, jobs: int, seconds: int) -> Iterator[Stage]:
    """A stage whose Dag has *jobs* jobs of *seconds* each."""
    with contextlib.ExitStack() as undo:
        home = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="libra-chaos-")))
        folder = {"spark.deploy.recoveryDirectory": str(home / "recovery")}
        cluster = undo.enter_context(
            StandaloneCluster(cores=6, memory="6g", properties=_MASTER | folder)
        )
        libra = undo.enter_context(LocalLibra(cluster.master_url, spark=_SPARK))
        evidence = home / "evidence"
        evidence.mkdir()
        told = {
            "CHAOS_JOBS": str(jobs),
            "CHAOS_SECONDS": str(seconds),
            "CHAOS_EVIDENCE": str(evidence),
        }
        airflow = LocalAirflow(
            home / "airflow",
            Path(__file__).parent / "dags",
            connections={
                "libra_default": libra.connection(),
                "spark_master_default": cluster.connection(),
            },
            env=told | {f"AIRFLOW__{name}": value for name, value in _AIRFLOW.items()},
        )
        undo.enter_context(airflow)
        servers = undo.enter_context(servers_of(libra, cluster))
        yield Stage(airflow, cluster, libra, servers, evidence)
