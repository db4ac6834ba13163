"""Why a driver does not start, or has no executors: sentences from the master's page."""

from __future__ import annotations

from collections.abc import Sequence

from libra_provider.clients.http.dialogue import Ask, Dialogue
from libra_provider.clients.standalone import page_lookup, pages
from libra_provider.clients.standalone.pages import Application, Cluster, Driver, Worker
from libra_provider.core.errors import ServerError
from libra_provider.core.units import MIB, readable_size


def why_waiting(driver_id: str, cluster: Cluster) -> str:
    """Return what a waiting driver requests, and what the cluster has free."""
    driver = next((each for each in cluster.drivers if each.driver_id == driver_id), None)
    if driver is None:
        return "the master's page does not list it"
    return why_waits(driver, cluster)


def why_waits(driver: Driver, cluster: Cluster) -> str:
    """Return what *driver*, which the page lists as waiting, requests, and what is free."""
    requests = f"requests {_amount(driver.cores, driver.memory_mib)}"
    alive = cluster.alive
    if not alive:
        return f"{requests}; no worker is alive"
    if any(_fits(driver, worker) for worker in alive):
        return (
            f"{requests}, and a worker has enough free; the master starts drivers one at a time, "
            "up to spark.deploy.maxDrivers"
        )
    roomiest = max(alive, key=lambda worker: _share(driver, worker))
    free = _amount(roomiest.cores_free, roomiest.memory_free_mib)
    return f"{requests}; {_counted(len(alive), 'worker')} alive, at most {free} free on one"


def why_starving(application: Application, cluster: Cluster) -> str:
    """Return why a running driver's application has no executors; empty if it has some."""
    if application.cores > 0:
        return ""
    free = sum(worker.cores_free for worker in cluster.alive)
    problem = f"its application {application.application_id} has no executors"
    running = [each for each in cluster.drivers if each.state == "RUNNING"]
    if free > 0:
        return f"{problem}; {_counted(free, 'core')} free, but no worker has enough memory for one"
    held = _counted(sum(each.cores for each in running), "core")
    if not any(each.cores for each in cluster.applications):
        return (
            f"{problem}; {_counted(len(running), 'driver')} hold all {held} and wait for each "
            "other; kill one, or limit them with spark.deploy.maxDrivers"
        )
    busy = sum(each.cores for each in cluster.applications)
    return f"{problem}; no core is free: drivers hold {held}, other applications {busy}"


def _fits(driver: Driver, worker: Worker) -> bool:
    return worker.cores_free >= driver.cores and worker.memory_free_mib >= driver.memory_mib


def _share(driver: Driver, worker: Worker) -> float:
    """Return which share of the request of *driver* is free on *worker*, the lesser of the two."""
    cores = worker.cores_free / max(driver.cores, 1)
    return min(cores, worker.memory_free_mib / max(driver.memory_mib, 1))


def _amount(cores: int, memory_mib: int) -> str:
    return f"{_counted(cores, 'core')} and {readable_size(memory_mib * MIB)}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def why_it_may_run(worker_id: str, ui_urls: Sequence[str]) -> Dialogue[str]:
    """Return why a driver may still run on the lost *worker_id*; empty once it cannot.

    Raises ServerError if the page of no leading master can be read.
    """
    cluster = yield from page_lookup.leading(ui_urls)
    worker = next((each for each in cluster.workers if each.worker_id == worker_id), None)
    if worker is None or worker.state == "ALIVE":
        return ""
    try:
        there: str = yield Ask(pages.worker_page(), worker.ui_url)
    except ServerError:
        return ""
    if there != worker_id:
        # A restarted worker has a new id, and often the same address.
        return ""
    return f"the master lists {worker_id} as {worker.state}, but its page still responds"
