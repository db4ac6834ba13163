from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from libra_provider.clients.http.client import Client
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra.server import Health, health
from libra_provider.server.isolated_settings import IsolatedSettings
from libra_provider.server.network_probe import NetworkProbe
from libra_provider.server.settings import Settings
from libra_provider.server.timing import ProbeTiming
from tests.fakes.server import Answer, FakeServer, Request
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra

FILE = b"x" * 700_000
# A measurement that takes too long is dropped; here, only this machine would be slow.
PATIENT = ProbeTiming(within=300.0)


class Cluster(FakeServer):
    """A master's page, whose port stands for that of the master too; each answer takes *pause*."""

    pause = 0.0

    def answer(self, request: Request) -> Answer:
        time.sleep(self.pause)
        return Answer(body=FILE) if request.path.startswith("/static/") else Answer(404)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


def settings(folder: Path, *masters: int, ui: str = "http://127.0.0.1:9") -> Settings:
    hosts = ",".join(f"127.0.0.1:{port}" for port in masters)
    isolated = IsolatedSettings(ui_urls=(ui,))
    return Settings(data_dir=folder, master=f"spark://{hosts}", isolated=isolated)


def surveyed(given: Settings) -> NetworkProbe:
    survey = NetworkProbe(given, PATIENT)
    asyncio.run(survey.measure())
    return survey


def test_round_trip_and_bandwidth_are_measured(tmp_path: Path, cluster: Cluster) -> None:
    found = surveyed(settings(tmp_path, cluster.port, ui=cluster.url)).latest

    assert found is not None
    assert 0 < found.round_trip < 1
    assert found.bandwidth is not None
    assert {each.headers["accept-encoding"] for each in cluster.requests} == {"identity"}


def test_a_slow_way_is_seen_to_be_slow(tmp_path: Path, cluster: Cluster) -> None:
    """Four files at once, in no less than the pause."""
    cluster.pause = 0.3
    found = surveyed(settings(tmp_path, cluster.port, ui=cluster.url)).latest

    assert found is not None
    assert found.bandwidth is not None
    assert found.bandwidth <= 4 * len(FILE) * 8 / (0.3 - found.round_trip)


def test_the_first_master_that_answers_stands_for_all(
    tmp_path: Path, cluster: Cluster, closed_port: int
) -> None:
    found = surveyed(settings(tmp_path, closed_port, cluster.port)).latest

    assert found is not None


def test_without_a_page_the_bandwidth_is_unknown(
    tmp_path: Path, cluster: Cluster, closed_port: int
) -> None:
    nowhere = f"http://127.0.0.1:{closed_port}"
    found = surveyed(settings(tmp_path, cluster.port, ui=nowhere)).latest

    assert found is not None
    assert found.bandwidth is None


def test_what_was_measured_stays_while_the_cluster_is_away(tmp_path: Path) -> None:
    with Cluster() as cluster:
        survey = surveyed(settings(tmp_path, cluster.port, ui=cluster.url))
        before = survey.latest
    again = asyncio.run(survey.measure())

    assert before is not None
    assert (again, survey.latest) == (False, before)


def health_of(libra: RunningLibra) -> Health:
    return Client([ServerAddress(url=libra.url)]).send(health())


def test_health_tells_what_was_measured(make_libra: MakeLibra, cluster: Cluster) -> None:
    isolated = IsolatedSettings(ui_urls=(cluster.url,))
    with make_libra(master=f"spark://127.0.0.1:{cluster.port}", isolated=isolated) as libra:
        deadline = time.monotonic() + 300
        while (found := health_of(libra)).round_trip is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    assert found.round_trip > 0
    assert found.bandwidth is not None


def test_without_a_cluster_there_is_nothing_to_measure(api: RunningLibra) -> None:
    found = api.get("/api/v1/health").json()

    assert found["network"] is None
