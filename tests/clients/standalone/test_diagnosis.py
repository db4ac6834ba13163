from __future__ import annotations

import pytest

from libra_provider.clients.standalone.diagnosis import why_starving, why_waiting
from libra_provider.clients.standalone.pages import Application, Cluster, Driver, Worker

BIG = Driver("driver-1", "SUBMITTED", cores=4, memory_mib=8192)


def worker(cores: int, memory_mib: int, state: str = "ALIVE") -> Worker:
    return Worker("w", "h", "http://h:8081", state, cores, memory_mib)


def cluster(
    *workers: Worker, drivers: list[Driver] | None = None, apps: list[Application] | None = None
) -> Cluster:
    return Cluster("ALIVE", workers, drivers or [BIG], apps or [])


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            cluster(worker(1, 9000), worker(2, 6144), worker(0, 512)),
            "requests 4 cores and 8 GiB; 3 workers alive, at most 2 cores and 6 GiB free on one",
        ),
        (
            cluster(worker(8, 9000, "DEAD"), worker(1, 1024)),
            "requests 4 cores and 8 GiB; 1 worker alive, at most 1 core and 1 GiB free on one",
        ),
        (cluster(), "requests 4 cores and 8 GiB; no worker is alive"),
        (cluster(worker(4, 8192)), "requests 4 cores and 8 GiB, and a worker has enough free"),
        (cluster(drivers=[Driver("driver-2", "RUNNING", 1, 1)]), "does not list it"),
    ],
)
def test_a_waiting_driver_is_told_what_it_asks_and_what_there_is(
    found: Cluster, sentence: str
) -> None:
    assert sentence in why_waiting("driver-1", found)


def running(number: int) -> list[Driver]:
    return [Driver(f"driver-{each}", "RUNNING", 1, 1024) for each in range(number)]


def test_drivers_that_hold_all_cores_are_named_as_what_they_are() -> None:
    """Four one-core drivers on four cores wait for ever, and every state says RUNNING."""
    apps = [Application(f"app-{each}", "etl", "WAITING", 0) for each in range(4)]
    found = cluster(worker(0, 4096), drivers=running(4), apps=apps)

    assert why_starving(apps[0], found) == (
        "its application app-0 has no executors; 4 drivers hold all 4 cores and wait for each "
        "other; kill one, or limit them with spark.deploy.maxDrivers"
    )


def test_a_cluster_that_works_for_others_is_named_as_such() -> None:
    mine, other = Application("app-1", "a", "WAITING", 0), Application("app-2", "b", "RUNNING", 3)
    found = cluster(worker(0, 4096), drivers=running(1), apps=[mine, other])

    assert why_starving(mine, found).endswith(
        "no core is free: drivers hold 1 core, other applications 3"
    )


def test_executors_too_large_for_any_worker_are_named() -> None:
    mine = Application("app-1", "a", "WAITING", 0)

    assert "2 cores free, but no worker has enough memory" in why_starving(
        mine, cluster(worker(2, 256), drivers=running(1), apps=[mine])
    )


def test_an_application_with_executors_does_not_starve() -> None:
    mine = Application("app-1", "a", "RUNNING", 1)

    assert why_starving(mine, cluster(worker(0, 0), apps=[mine])) == ""
