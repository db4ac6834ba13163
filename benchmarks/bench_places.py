"""The same three queries with their driver in Libra, beside it and on a worker; and as predicted.

``cost.py`` predicts without the work itself, from the reference measurement's constants: they are
those of another, larger cluster, and a driver's start is the largest of them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import ClassVar

from benchmarks.comparison import Comparison, Run, Step
from benchmarks.figures import milliseconds, number
from libra_provider.clients.libra.shipment import Shipment
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.decision import Fact, Facts, Place
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.core.units import MIB
from libra_provider.deploy_mode.cost import predict
from libra_provider.hooks import LibraHook, SparkMasterHook

_OWN = {"spark.driver.memory": "1g", "spark.executor.memory": "1g", "spark.cores.max": "1"}
_LIBRA = {**_OWN, "spark.dynamicAllocation.minExecutors": "1"}
_AT_MOST = 300.0  # seconds that a job may take
_LOOK = 0.2  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A query, and what is known of it: its tasks, and the bytes that it collects."""

    title: str
    sql: str
    tasks: int
    collects: int
    rows: int = 1

    @property
    def facts(self) -> Facts:
        """The same as the decision tree has it."""
        return Facts(tasks=Fact(self.tasks, "known"), collects=Fact(self.collects, "known"))


WORKS = (
    Work(title="A count", sql="SELECT count(*) FROM range(1000)", tasks=3, collects=8),
    Work(
        title="1000 tasks",
        sql="SELECT count(*) FROM range(0, 100000, 1, 1000)",
        tasks=1001,
        collects=8,
    ),
    Work(
        title="Collecting 40 MiB",
        sql="SELECT id, repeat('x', 400) AS text FROM range(100000)",
        tasks=2,
        collects=40 * MIB,
        rows=100_000,
    ),
)


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds from the submission until the rows are here, and the seconds that were predicted."""

    seconds: float
    predicted: float

    legend: ClassVar[str] = (
        "Time from submission to result; the prediction does not include the work itself."
    )

    @classmethod
    def middle(cls, each: Sequence[Timed]) -> Timed:
        """The median of the seconds; the prediction is always the same."""
        return cls(median(one.seconds for one in each), each[0].predicted)

    def cells(self, first: Timed) -> Iterator[tuple[str, str]]:
        """Each column's name and figure; *first* is what it is compared with."""
        yield "took", milliseconds(self.seconds)
        yield "predicted", milliseconds(self.predicted)
        yield "of the first", number(self.seconds / first.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmGoal:
    """A warm driver is so many times faster than the first way, which has to start one."""

    way: str
    times_faster: float

    def verdicts(self, first: Timed, ours: Timed) -> Iterator[tuple[str, bool]]:
        """The goal as a sentence, and whether it was reached."""
        times = first.seconds / ours.seconds
        said = f"at least {number(self.times_faster)} times faster: {number(times)}"
        yield said, times >= self.times_faster


def main() -> None:
    """Measure, and print what came of it."""
    run = Run.of_command_line(__doc__, rounds=3)
    with StandaloneCluster(cores=4, memory="6g") as cluster:
        isolated = {"rest_urls": [cluster.rest_url], "ui_urls": [cluster.ui_url]}
        settings = {"isolated": json.dumps(isolated)}
        with LocalLibra(cluster.master_url, spark=_LIBRA, settings=settings) as libra:
            os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(libra.connection())
            os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
            run.measure(*map(comparison, WORKS))


def comparison(work: Work) -> Comparison[Timed]:
    """The places, the one with the slowest start first."""
    steps: list[Step[Timed]] = [partial(step, work, place) for place in reversed(list(Place))]
    goal = WarmGoal(way=str(Place.SHARED), times_faster=3)
    return Comparison(work.title, goal, steps)


def step(work: Work, place: Place) -> dict[str, Timed]:
    """One run of *work* at *place*."""
    start = time.perf_counter()
    (on_a_worker if place is Place.ISOLATED_CLUSTER else at_libra)(work, place)
    seconds = time.perf_counter() - start
    predicted = predict(place, work.facts, is_remote=False).seconds
    return {str(place): Timed(seconds, predicted)}


def at_libra(work: Work, place: Place) -> None:
    """Have Libra run it, on its own driver or on one beside it."""
    own = place is Place.ISOLATED_CLIENT
    job = _job(work, mode=place.mode, deploy_mode=place.deploy_mode if own else None)
    libra = LibraHook()
    job_id = libra.submit(job.replace(conf=_OWN if own else {}), new_tag()).job_id
    _wait(libra, job_id)
    _check(libra, job_id, work)
    libra.close()


def on_a_worker(work: Work, place: Place) -> None:
    """Have the master start a driver for it, which hands its rows in to Libra."""
    libra, master, tag = LibraHook(), SparkMasterHook(), new_tag()
    job = _job(work, mode=place.mode, deploy_mode=place.deploy_mode, conf=_OWN)
    driver_id = master.submit(libra.ship(Shipment(job, returns=True), tag), tag).job_id
    _wait(master, driver_id)
    _check(libra, tag, work)
    libra.close()
    master.close()


def _job(work: Work, **rest: object) -> SparkJob:
    fields: dict[str, object] = {"kind": "sql", "code": work.sql, "result_limit": work.rows, **rest}
    return SparkJob(**fields)  # type: ignore[arg-type]  # each has its type where it is written


def _wait(server: LibraHook | SparkMasterHook, job_id: str) -> None:
    gives_up_at = time.monotonic() + _AT_MOST
    while not (status := server.status(job_id)).state.is_terminal:
        if time.monotonic() > gives_up_at:
            raise RuntimeError(f"{job_id} is still {status.state}")
        time.sleep(_LOOK)
    if status.state is not JobState.SUCCEEDED:
        raise RuntimeError(f"{job_id} {status.state}: {status.detail}")


def _check(libra: LibraHook, job_id: str, work: Work) -> None:
    found = libra.arrow(job_id).num_rows
    if found != work.rows:
        raise RuntimeError(f"{job_id} gave {found} rows instead of {work.rows}")


if __name__ == "__main__":
    main()
