from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from libra_provider.clients.libra.history import PastRun
from libra_provider.clients.standalone.pages import Worker
from libra_provider.core.decision import Confidence, Fact, Facts, WorkerShare
from libra_provider.core.errors import BadInput
from libra_provider.core.job import SparkJob
from libra_provider.core.units import GIB
from libra_provider.hooks.libra import LibraHook
from libra_provider.hooks.spark_master import SparkMasterHook
from libra_provider.lifecycle.facts import FactsCollector, declared, of_runs, of_workers
from tests.fakes.connections import connect, connected_libra, connected_master
from tests.fakes.libra import FakeLibra
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster

SQL = SparkJob(kind="sql", code="SELECT 1")


@pytest.fixture
def libra() -> Iterator[FakeLibra]:
    with connected_libra() as fake:
        yield fake


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with connected_master() as fake:
        yield fake


def gathering(
    job: SparkJob = SQL, *, with_master: bool = False, only_by_libra: str = ""
) -> FactsCollector:
    libra, master = LibraHook(), SparkMasterHook() if with_master else None
    for hook in filter(None, (libra, master)):
        hook.client()
    return FactsCollector(
        job=job,
        dag_id="d",
        task_id="t",
        libra=libra,
        master=master,
        only_by_libra=only_by_libra,
    )


def health(libra: FakeLibra, *, master: str | None = None, **network: object) -> None:
    """Make *libra* report its *master*, and the link to its cluster."""

    def answer(request: Request) -> Answer | None:
        if not request.path.endswith("/health"):
            return None
        spark = {"version": "4.3.0", "status": "CONNECTED", "master": master}
        body = {"service": "whereq-libra", "version": "0.1.0", "spark": spark}
        return Answer(body=body | {"network": network})

    libra.disturb = answer


def test_the_way_to_the_cluster_is_what_libra_has_measured(libra: FakeLibra) -> None:
    health(libra, roundTripSeconds=0.05, bandwidthBits=1e8)
    found = gathering().facts(Facts())

    assert found.round_trip == Fact(0.05, "measured by Libra")
    assert found.bandwidth == Fact(1e8, "measured by Libra")


@pytest.mark.parametrize(
    ("master", "only_by_libra", "known"),
    [
        ("local[2]", "nobody else", False),
        ("spark://h:7077", "nobody else", None),
        (None, "nobody else", None),
        ("local[2]", "", None),
    ],
)
def test_there_is_no_worker_where_only_libra_could_know_of_one_and_does_not(
    libra: FakeLibra, master: str | None, only_by_libra: str, known: bool | None
) -> None:
    health(libra, master=master)
    found = gathering(only_by_libra=only_by_libra).facts(Facts()).has_workers

    assert (found and found.value) is known


@pytest.mark.parametrize("value", [None, 0, -1, "50 ms", True])
def test_a_measure_that_is_none_is_unknown(libra: FakeLibra, value: object) -> None:
    health(libra, roundTripSeconds=value, bandwidthBits=value)
    found = gathering().facts(Facts())

    assert (found.round_trip, found.bandwidth) == (None, None)


def test_the_workers_are_those_of_the_masters_page(libra: FakeLibra, master: FakeMaster) -> None:
    found = gathering(with_master=True).facts(Facts())

    assert libra.requests
    assert master.requests
    assert found.largest_worker == Fact(WorkerShare(4, 4 * GIB), "from the master's page")
    assert found.roomiest_worker is not None


def test_a_query_that_nobody_remembers_is_estimated(libra: FakeLibra) -> None:
    libra.rows = [[1], [2]]
    found = gathering().facts(Facts()).collects

    assert found is not None
    assert (found.value, found.confidence) == (32, Confidence.MEDIUM)


def test_no_query_is_estimated_of_which_the_author_knows_what_it_collects(
    libra: FakeLibra,
) -> None:
    told = Facts(collects=Fact(5, "set in workload"))
    found = gathering().facts(told)

    assert found.collects == told.collects
    assert not [each for each in libra.requests if each.path.endswith("/estimate")]


def test_a_wrong_query_is_no_reason_to_fail_yet(libra: FakeLibra) -> None:
    wrong = SparkJob(kind="sql", code="selec 1")
    found = gathering(wrong).facts(Facts())

    assert found.collects is None
    assert libra.requests


def test_who_does_not_answer_in_time_is_not_waited_for(
    libra: FakeLibra, master: FakeMaster, caplog: pytest.LogCaptureFixture
) -> None:
    """The master's page would not answer before this test is over."""
    release = threading.Event()

    def hangs(_: Request) -> Answer | None:
        release.wait()
        return None

    master.disturb = hangs
    health(libra, roundTripSeconds=0.05)
    caplog.set_level("INFO")
    found = gathering(with_master=True).facts(Facts(), within=5.0)
    release.set()

    assert found.round_trip is not None
    assert found.largest_worker is None
    assert "Skipped the master's page, which did not respond within 5.0 s" in caplog.text


def test_what_was_told_before_an_answer_failed_to_come_counts(libra: FakeLibra) -> None:
    release = threading.Event()
    health(libra, roundTripSeconds=0.05)
    tell = libra.disturb

    def hangs(request: Request) -> Answer | None:
        if "/statements?" in request.path:
            release.wait()
        return tell(request)

    libra.disturb = hangs
    found = gathering().facts(Facts(), within=5.0)
    release.set()

    assert found.round_trip is not None


def test_a_server_that_is_not_there_is_unknown_at_once() -> None:
    connect("libra_default", conn_type="libra", port=9)
    start = time.monotonic()
    found = gathering().facts(Facts(), within=600)

    assert found == Facts()
    assert time.monotonic() - start < 300


def test_the_largest_collect_and_the_median_duration_of_earlier_runs_count() -> None:
    runs = [PastRun("3", 5, 10.0, 20), PastRun("2", 9, 30.0, None), PastRun("1", None, 20.0, 40)]
    facts = of_runs(runs)

    assert facts.collects == Fact(9, "measured in 3 earlier runs")
    assert facts.duration == Fact(20.0, "the median of 3 earlier runs")
    assert facts.tasks == Fact(40, "the median of 3 earlier runs")
    assert of_runs([]) == Facts()


def refused(moment: str, size: int | None) -> PastRun:
    return PastRun(moment, size, None, None)


def test_what_was_too_large_is_collected_at_least_and_says_how_it_was_measured() -> None:
    facts = of_runs([], [refused("1", 7 * GIB), refused("2", None)])
    said = "or more, measured when the result was too large"

    assert facts.collects == Fact(7 * GIB, said)
    assert facts.too_much == Fact(7 * GIB, "measured in 1 earlier run")
    assert (facts.duration, facts.tasks) == (None, None)


def test_what_was_too_large_is_known_until_ten_later_runs_have_collected_less() -> None:
    """And where they collect as much elsewhere, it must not be tried in Libra's driver again."""
    small = [PastRun(f"2{number}", 10, 1.0, 1) for number in range(10)]
    large = [PastRun(f"2{number}", 900, 1.0, 1) for number in range(10)]
    nine, ten, elsewhere = (of_runs(runs, [refused("1", 64)]) for runs in (small[1:], small, large))

    assert nine.collects is not None
    assert nine.collects.value == 64
    assert ten.collects == Fact(10, "measured in 10 earlier runs")
    assert elsewhere.collects == Fact(900, "measured in 10 earlier runs")
    assert elsewhere.too_much is not None
    assert elsewhere.too_much.value == 64


def worker(cores: int, memory_gib: int) -> Worker:
    size = memory_gib * 1024
    return Worker("w", "h", "http://h:8081", "ALIVE", 0, 0, cores=cores, memory_mib=size)


def test_the_largest_worker_is_the_one_that_could_hold_the_driver() -> None:
    driver = WorkerShare(4, 4 * GIB)
    facts = of_workers([worker(2, 64), worker(8, 8), worker(16, 2)], driver)

    assert facts.largest_worker == Fact(WorkerShare(8, 8 * GIB), "from the master's page")


def test_a_locality_is_declared_or_measured_and_nothing_else() -> None:
    hook = LibraHook("libra_default")

    assert declared(hook, {}) == declared(hook, {"locality": "auto"}) == Facts()
    assert declared(hook, {"locality": "remote"}).locality == Fact(
        "remote", "declared in connection libra_default"
    )
    with pytest.raises(BadInput, match="expected auto, same or remote"):
        declared(hook, {"locality": "moon"})
