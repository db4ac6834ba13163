"""Collects facts about a job before its submission, within a few seconds."""

from __future__ import annotations

import contextlib
import logging
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from libra_provider.clients.libra.history import LATEST, PastRun, earlier_runs, refused_runs
from libra_provider.clients.libra.server import Health
from libra_provider.clients.standalone.page_lookup import leading
from libra_provider.clients.standalone.pages import Worker
from libra_provider.core.decision import Confidence, Fact, Facts, Locality, WorkerShare
from libra_provider.core.errors import BadInput, LibraError, one_of
from libra_provider.core.job import SparkJob
from libra_provider.core.kinds import Kind
from libra_provider.core.units import MIB, readable_duration
from libra_provider.deploy_mode.constraints import driver_size
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook

log = logging.getLogger(__name__)
BUDGET = 5.0  # seconds
Source = Callable[[], Iterator[Facts]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsCollector:
    """The sources of facts about ``job``, a run of task ``task_id`` of Dag ``dag_id``.

    ``libra`` and ``master`` are None if they cannot be asked. They are used only here, and have
    read their connections, since threads cannot call Airflow. ``only_by_libra`` is why only Libra
    can submit to workers, or empty if something else can.
    """

    job: SparkJob
    dag_id: str
    task_id: str
    libra: LibraHook | None
    master: SparkMasterHook | None
    only_by_libra: str = ""

    def facts(self, known: Facts, *, within: float = BUDGET) -> Facts:
        """*known*, completed by what the sources return *within* seconds; never raises."""
        for each in _asked_together(self._sources(known), within):
            known = known.or_else(each)
        return known

    def _sources(self, known: Facts) -> Mapping[str, Source]:
        found: dict[str, Source] = {}
        if self.libra:
            found["Libra"] = partial(self._of_libra, self.libra, known)
        if self.master:
            found["the master's page"] = partial(self._of_master, self.master)
        return found

    def _of_libra(self, libra: LibraHook, known: Facts) -> Iterator[Facts]:
        with contextlib.closing(libra):
            health = libra.health()
            yield _of_health(health)
            yield self._of_workers(health)
            if self.job.result_path:
                written = Facts(collects=Fact(0, "rows go to result_path"))
                known = known.or_else(written)
                yield written
            asked = (earlier_runs, refused_runs)
            runs = (libra.client().send(each(self.dag_id, self.task_id)) for each in asked)
            remembered = of_runs(*runs)
            yield remembered
            if self.job.kind is Kind.SQL and known.or_else(remembered).collects is None:
                yield self._estimated(libra)

    def _of_workers(self, health: Health) -> Facts:
        why = _why_no_worker(health)
        if not (why and self.only_by_libra):
            return Facts()
        return Facts(has_workers=Fact(False, f"{why}, and {self.only_by_libra}"))

    def _estimated(self, libra: LibraHook) -> Facts:
        estimate = libra.estimate(str(self.job.code), self.job.parameters)
        if estimate.bytes is None or estimate.guessed:
            return Facts()
        source = "estimated by Spark from table statistics"
        return Facts(collects=Fact(estimate.bytes, source, Confidence.MEDIUM))

    def _of_master(self, master: SparkMasterHook) -> Iterator[Facts]:
        with contextlib.closing(master):
            page = master.client().run(leading(master.ui_urls))
            yield of_workers(page.alive, driver_size(self.job))


def declared(hook: LibraHook, extra: Mapping[str, object]) -> Facts:
    """The locality in the *extra* of the connection of *hook*; raises BadInput."""
    word = str(extra.get("locality") or "auto")
    if word == "auto":
        return Facts()
    if word not in list(Locality):
        raise BadInput("locality", word, one_of(("auto", *Locality)))
    return Facts(locality=Fact(Locality(word), f"declared in connection {hook.connection_id}"))


def _of_health(health: Health) -> Facts:
    trip, wide, source = health.round_trip, health.bandwidth, "measured by Libra"
    return Facts(
        round_trip=None if trip is None else Fact(trip, source),
        bandwidth=None if wide is None else Fact(wide, source),
    )


def _why_no_worker(health: Health) -> str:
    """Why Libra starts no drivers on workers, or empty if it may."""
    if health.is_old:
        return "this Libra supports only the old API, which cannot start drivers on workers"
    if health.master and not health.master.startswith("spark://"):
        return f"Libra's master is {health.master}, which has no workers"
    return ""


def of_runs(runs: Sequence[PastRun], refused: Sequence[PastRun] = ()) -> Facts:
    """Facts from earlier *runs*, and from *refused* ones, whose result was too large."""
    median = f"the median of {_number(runs)}"
    seconds = [each.seconds for each in runs if each.seconds is not None]
    tasks = [each.tasks for each in runs if each.tasks]
    burst = [each.collected for each in refused if each.collected]
    return Facts(
        collects=_collected(runs, refused),
        too_much=Fact(min(burst), f"measured in {_number(burst)}") if burst else None,
        duration=Fact(statistics.median(seconds), median) if seconds else None,
        tasks=Fact(statistics.median_high(tasks), median) if tasks else None,
    )


def _collected(runs: Sequence[PastRun], refused: Sequence[PastRun]) -> Fact[int] | None:
    """The largest result of the latest ten runs, whether they succeeded or not."""
    latest = sorted((*runs, *refused), key=lambda each: each.submitted_at)[-LATEST:]
    known = [each for each in latest if each.collected is not None]
    if not known:
        return None
    most = max(known, key=lambda each: each.collected or 0)
    source = f"measured in {_number(runs)}"
    if most in refused:
        source = "or more, measured when the result was too large"
    return Fact(most.collected or 0, source)


def _number(runs: Sequence[object]) -> str:
    return f"{len(runs)} earlier runs" if len(runs) > 1 else "1 earlier run"


def of_workers(workers: Sequence[Worker], driver: WorkerShare) -> Facts:
    """Facts about the *workers* of the cluster, on which *driver* may run."""
    if not workers:
        return Facts()
    source = "from the master's page"
    largest = [WorkerShare(each.cores, each.memory_mib * MIB) for each in workers]
    free = [WorkerShare(each.cores_free, each.memory_free_mib * MIB) for each in workers]
    return Facts(
        largest_worker=Fact(_best(largest, driver), source),
        roomiest_worker=Fact(_best(free, driver), source),
    )


def _best(shares: Sequence[WorkerShare], driver: WorkerShare) -> WorkerShare:
    """The one of *shares* with the most room for *driver*, by the scarcer of cores and memory."""

    def room(share: WorkerShare) -> float:
        return min(share.cores / max(driver.cores, 1), share.memory / max(driver.memory, 1))

    return max(shares, key=room)


def _asked_together(sources: Mapping[str, Source], within: float) -> list[Facts]:
    """What *sources* return within *within* seconds. Slow sources are skipped."""
    known: dict[str, list[Facts]] = {name: [] for name in sources}
    threads = {
        # A daemon, so that a server that hangs does not keep the task from ending.
        name: threading.Thread(target=_ask, args=(name, source, known[name]), daemon=True)
        for name, source in sources.items()
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + within
    for name, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            waited = readable_duration(within)
            log.info("Skipped %s, which did not respond within %s", name, waited)
    return [each for found in known.values() for each in tuple(found)]


def _ask(name: str, source: Source, known: list[Facts]) -> None:
    try:
        for each in source():
            known.append(each)  # noqa: PERF402 - facts before an error count
    except LibraError as error:
        log.info("Skipped %s: %s", name, error)
    except Exception:  # the decision does not depend on it, so the task must not fail
        log.exception("Skipped %s after an unexpected error", name)
