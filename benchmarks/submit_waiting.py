"""What a SparkSubmitOperator costs while it waits for its driver: a few are measured, and scaled.

It is Airflow's own hook that waits, in processes forked from one that has imported it, as an
executor forks its tasks. What Airflow's supervisor of each task costs is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

from benchmarks.figures import number
from benchmarks.triggerer import pss
from libra_provider.core.units import readable_size

PROVIDER = "apache-airflow-providers-apache-spark==6.3.4"
_TASKS = 4
_SECONDS = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Submitting:
    """The share of a core and the bytes of one waiting task."""

    cpu: float
    memory: float

    def scaled(self, count: int) -> str:
        """The line for *count* waiting tasks."""
        return (
            f"Beside it, {count:,} waiting SparkSubmitOperators (cluster mode, one master; "
            f"{_TASKS} measured, scaled): {readable_size(self.memory * count)}, "
            f"{number(self.cpu * count)} cores, {count:,} state requests/s and worker slots"
        )


def measure(port: int, folder: Path) -> Submitting:
    """Let a few wait for a driver of the master at *port*; *folder* is for the provider."""
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--target", str(folder), PROVIDER], check=True)
    connection = {"conn_type": "spark", "host": "spark://127.0.0.1", "port": 7077}
    extra = {"deploy-mode": "cluster", "rest-port": port}
    env = os.environ | {
        "PYTHONPATH": str(folder),
        "AIRFLOW_CONN_SPARK_BENCH": json.dumps(connection | {"extra": extra}),
    }
    # A separate process: of which folders airflow.providers is made is known when it starts.
    command = [sys.executable, "-m", "benchmarks.submit_waiting"]
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
    return Submitting(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Let them wait, and print the figures as JSON."""
    hook = _hook()
    tasks = [get_context("fork").Process(target=_wait, args=[hook]) for _ in range(_TASKS)]
    for each in tasks:
        each.start()
    found = _figures([each.pid or 0 for each in tasks])
    for each in tasks:
        each.terminate()
        each.join()
    print(json.dumps(asdict(found)))


def _hook() -> object:
    from airflow.providers.apache.spark.hooks.spark_submit import (  # type: ignore[import-not-found]  # noqa: PLC0415 - it was just installed
        SparkSubmitHook,
    )

    return SparkSubmitHook(conn_id="spark_bench")


def _wait(hook: object) -> None:
    """What its ``execute`` does after the submission."""
    hook._driver_id, hook._driver_status = "driver-20261120082239-00001", "RUNNING"  # type: ignore[attr-defined]  # noqa: SLF001
    hook._start_driver_status_tracking()  # type: ignore[attr-defined]  # noqa: SLF001 - as above


def _figures(pids: list[int]) -> Submitting:
    time.sleep(2)
    before = [_cpu(pid) for pid in pids]
    time.sleep(_SECONDS)
    used = [_cpu(pid) - was for pid, was in zip(pids, before, strict=True)]
    return Submitting(fmean(used) / _SECONDS, fmean(map(pss, pids)))


def _cpu(pid: int) -> float:
    """Seconds of the process and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


if __name__ == "__main__":
    main()
