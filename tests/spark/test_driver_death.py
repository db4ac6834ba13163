"""The shared driver's death in its forms, on a real cluster; the API answers all the while."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from libra_provider.cluster.http_probe import fetch_json
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster
from tests.spark.statements import AT_ONCE, ENDLESS, WAIT, Client

HEAP_IS_TOO_SMALL = "SELECT size(sequence(1, 200000000))"
PATIENCE = 300.0
# A program with a dedicated driver, which lives longer than the shared one.
WAITS = """
import pathlib, time
while not pathlib.Path(__file__).with_name("go-on").exists():
    time.sleep(0.1)
"""


class MortalLibra(Client):
    """A Libra whose driver is killed, stalled and stopped; one statement runs at a time."""

    def __init__(self, libra: LocalLibra, cluster: StandaloneCluster) -> None:
        super().__init__(libra.url, token=libra.token)
        self._libra, self._cluster = libra, cluster

    def processes(self) -> dict[str, int]:
        """The host and its JVM, by name."""
        mark = f"{self._libra.data_dir}/run/".encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "cmdline").read_bytes():
                    found[(folder / "comm").read_text().strip()] = int(folder.name)
            except OSError:
                continue
        return {"jvm": found.pop("java"), "host": found.popitem()[1]}

    def send(self, signum: signal.Signals, *names: str) -> None:
        processes = self.processes()
        for name in names:
            os.kill(processes[name], signum)

    def readiness(self) -> tuple[int, str]:
        reply = requests.get(f"{self._libra.url}/readyz", timeout=60)
        return reply.status_code, reply.text

    def until_ready(self, code: int) -> str:
        """What ``/readyz`` says once it answers *code*."""
        comes_true(lambda: self.readiness()[0] == code)
        return self.readiness()[1]

    def running(self, code: str = ENDLESS, **body: Any) -> dict[str, Any]:
        job_id = self.submit(code, AT_ONCE, **body)["jobId"]
        return self.until(job_id, "RUNNING")

    def traces(self, application_id: str) -> list[str]:
        """Where the cluster still shows the application: the master's page, the worker's."""
        page = fetch_json(f"{self._cluster.ui_url}/json/", timeout=60)
        found = [each["id"] for each in page["activeapps"]]
        for worker in page["workers"]:
            executors = fetch_json(f"{worker['webuiaddress']}/json/", timeout=60)["executors"]
            found += [each["appid"] for each in executors]
        return [each for each in found if each == application_id]

    def end_application(self, application_id: str) -> None:
        """Press "kill" on the master's page."""
        page = requests.get(f"{self._cluster.ui_url}/", timeout=30).text
        token = re.findall(r'name="csrfToken" value="(\w+)"', page)[0]
        form = {"id": application_id, "terminate": "true", "csrfToken": token}
        url = f"{self._cluster.ui_url}/app/kill/"
        pressed = requests.post(url, data=form, timeout=30, allow_redirects=False)
        assert pressed.status_code == 302, pressed.text

    @contextmanager
    def answering(self) -> Iterator[list[int]]:
        """Asks all the time how it is; yields the codes of the answers."""
        codes: list[int] = []
        over = threading.Event()

        def ask() -> None:
            with requests.Session() as session:
                session.headers["Authorization"] = f"Bearer {self._libra.token}"
                while not over.wait(0.2):
                    for path in ("/livez", "/api/v1/health", "/api/v1/statements"):
                        url = f"{self._libra.url}{path}"
                        codes.append(session.get(url, timeout=60).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            yield codes
        finally:
            over.set()
            asking.join()


def comes_true(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where statements may name files."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def api(cluster: StandaloneCluster, files: Path) -> Iterator[MortalLibra]:
    spark = {"spark.cores.max": "1", "spark.driver.memory": "512m", "spark.executor.memory": "512m"}
    isolated = {"ui_urls": [cluster.ui_url], "rest_urls": [cluster.rest_url]}
    settings = {"isolated": json.dumps(isolated), "max_running": "1", "file_roots": str(files)}
    with LocalLibra(cluster.master_url, spark=spark, settings=settings) as libra:
        mortal = MortalLibra(libra, cluster)
        yield mortal
        mortal.close()


def test_a_jvm_that_stalls_for_a_while_keeps_its_statements(api: MortalLibra) -> None:
    before = api.submit("SELECT 1", WAIT)
    with api.answering() as codes:
        api.send(signal.SIGSTOP, "jvm")
        said = api.until_ready(503)
        waiting = api.submit("SELECT 2", AT_ONCE)
        health = api.health()
        api.send(signal.SIGCONT, "jvm")
        api.until_ready(200)
    after = api.status(waiting["jobId"], WAIT)

    assert "has stalled" in said
    assert "has stalled" in health["spark"]["error"]
    assert waiting["state"] == "PENDING"
    assert (after["state"], after["driver"]["epoch"]) == ("SUCCESS", before["driver"]["epoch"])
    assert set(codes) == {200}


def test_a_killed_jvm_loses_what_ran_there_and_what_counted_on_it(
    api: MortalLibra, files: Path
) -> None:
    (files / "waits.py").write_text(WAITS)
    isolated = api.running("", kind="python-file", filePath=str(files / "waits.py"))
    api.submit("CREATE TEMP VIEW v AS SELECT 1 AS one", WAIT, session="views")
    api.submit("SET spark.sql.shuffle.partitions=3", WAIT, session="settings")
    api.submit("CREATE TABLE kept USING parquet AS SELECT 1 AS one", WAIT, session="tables")
    running = api.running()
    waiting = {
        session: api.submit("SELECT 2", AT_ONCE, session=session)["jobId"]
        for session in ("views", "settings", "tables", "default")
    }
    with api.answering() as codes:
        api.send(signal.SIGKILL, "jvm")
        lost = api.status(running["jobId"], WAIT)
        traces = api.traces(running["driver"]["applicationId"])
    ended = {session: api.status(job_id, WAIT) for session, job_id in waiting.items()}
    anew = api.submit("SELECT * FROM v", WAIT, session="views")
    (files / "go-on").touch()
    went_on = api.status(isolated["jobId"], WAIT)

    assert lost["state"] == "LOST"
    assert "its JVM ended with exit code -9" in lost["error"]
    assert "it may have written" in lost["error"]
    assert "not known" not in lost["error"]
    assert traces == []
    assert {name: each["state"] for name, each in ended.items()} == {
        "views": "LOST",
        "settings": "LOST",
        "tables": "SUCCESS",
        "default": "SUCCESS",
    }
    assert "lost temp views" in ended["views"]["error"]
    assert "lost SQL settings" in ended["settings"]["error"]
    assert ended["default"]["driver"]["epoch"] == running["driver"]["epoch"] + 1
    assert "TABLE_OR_VIEW_NOT_FOUND" in anew["error"]
    assert went_on["state"] == "SUCCESS"
    assert set(codes) == {200}


@pytest.mark.slow
def test_an_application_killed_at_the_master_ends_the_epoch(api: MortalLibra) -> None:
    running = api.running()
    api.end_application(running["driver"]["applicationId"])
    lost = api.status(running["jobId"], WAIT)

    assert lost["state"] == "LOST"
    assert "SparkContext was stopped" in lost["error"]
    assert api.submit("SELECT 1", WAIT)["state"] == "SUCCESS"


def test_a_statement_that_takes_all_memory_ends_the_epoch_at_once(api: MortalLibra) -> None:
    lost = api.submit(HEAP_IS_TOO_SMALL, WAIT)

    assert lost["state"] == "LOST"
    assert "out of memory" in lost["error"]
    assert api.submit("SELECT 1", WAIT)["state"] == "SUCCESS"


@pytest.mark.slow
def test_host_and_jvm_that_stall_for_good_are_ended(api: MortalLibra) -> None:
    running = api.running()
    with api.answering() as codes:
        api.send(signal.SIGSTOP, "jvm", "host")
        lost = api.status(running["jobId"], WAIT)
        traces = api.traces(running["driver"]["applicationId"])

    assert lost["state"] == "LOST"
    assert "so it was killed" in lost["error"]
    assert traces == []
    assert api.submit("SELECT 1", WAIT)["state"] == "SUCCESS"
    assert set(codes) == {200}
