"""Drivers of their own: kind by deploy mode by outcome, on a real cluster, with Libra's own death.

The programs are plain Java where Python is not the point; all of them start at the same time.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from libra_provider.cluster.http_probe import fetch_json
from libra_provider.cluster.ports import free_ports
from libra_provider.cluster.standalone import StandaloneCluster, spark_home

PROCESS = Path(__file__).with_name("isolated_process.py")
MODES = ("client", "cluster")
ODD = "ein schöner = Tag"
SMALL = {
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.cores.max": "1",
    "spark.odd": ODD,
    "spark.hadoop.fs.s3a.secret.key": "hidden-s3a-secret",
}
MAIN = """
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.java.JavaSparkContext;

public class Main {
  public static void main(String[] args) throws Exception {
    System.out.println("begun " + String.join(",", args));
    if (args[0].equals("fail")) throw new IllegalStateException("as asked");
    if (args[0].equals("hang")) Thread.sleep(600_000);
    try (JavaSparkContext sc = new JavaSparkContext(new SparkConf())) {
      int sum = sc.parallelize(List.of(1, 2, 3), 1).reduce(Integer::sum);
      System.out.println("sum " + sum + " odd " + sc.getConf().get("spark.odd"));
      String read = sc.parallelize(List.of("words.txt"), 1)
          .map(name -> Files.readString(Path.of(SparkFiles.get(name)))).first();
      System.out.println("on an executor: " + read);
    }
  }
}
"""


class IsolatedLibra:
    """Libra without a keeper that would clean up after it; its methods are requests."""

    def __init__(self, home: Path, cluster: StandaloneCluster) -> None:
        self.jobs = home / "jobs"
        self.jobs.mkdir()
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        self._log = home / "libra.log"
        isolated = {
            "rest_urls": [cluster.rest_url],
            "ui_urls": [cluster.ui_url],
            "max_client": 8,
        }
        self._env = os.environ | {
            "LIBRA_PORT": str(port),
            "LIBRA_DATA_DIR": str(home / "data"),
            "LIBRA_MASTER": cluster.master_url,
            "LIBRA_FILE_ROOTS": str(self.jobs),
            "LIBRA_ISOLATED": json.dumps(isolated),
            "PYSPARK_PYTHON": sys.executable,
        }

    def start(self) -> Self:
        with self._log.open("a") as log:
            command = [sys.executable, str(PROCESS)]
            self.process = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)
        comes_true(lambda: fetch_json(f"{self._url}/livez") != {})
        return self

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(120)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        return requests.post(f"{self._url}/api/v1{path}", json=body, timeout=300)

    def submit(self, kind: str, **body: Any) -> str:
        body = {"kind": kind, "mode": "isolated", "sparkConfig": SMALL, **body}
        url = f"{self._url}/api/v1/sessions/default/statements"
        reply = requests.post(url, json=body, headers={"Prefer": "respond-async"}, timeout=60)
        assert reply.status_code == 202, reply.text
        return str(reply.json()["jobId"])

    def jar(self, mode: str, *args: str, **body: Any) -> str:
        jar = {"filePath": str(self.jobs / "main.jar"), "mainClass": "Main", "args": args}
        return self.submit("jar", deployMode=mode, **jar | body)

    def artifact(self, data: bytes, name: str) -> str:
        """The name by which statements find *data*, which only Libra has from now on."""
        path = f"{hashlib.sha256(data).hexdigest()}/{name}"
        url = f"{self._url}/api/v1/artifacts/{path}"
        assert requests.put(url, data, timeout=60).status_code in (200, 201)
        return f"artifact:{path}"

    def status(self, job_id: str) -> dict[str, Any]:
        return self._status(job_id, wait=0)

    def ended(self, job_id: str) -> dict[str, Any]:
        found = self._status(job_id, wait=300)
        assert found["completedAt"], found
        return found

    def _status(self, job_id: str, *, wait: int) -> dict[str, Any]:
        url = f"{self._url}/api/v1/statements/{job_id}"
        headers = {"Prefer": f"wait={wait}"}
        found: dict[str, Any] = requests.get(url, headers=headers, timeout=wait + 60).json()
        return found

    def log(self, job_id: str, stream: str) -> str:
        url = f"{self._url}/api/v1/statements/{job_id}/log"
        reply = requests.get(url, params={"stream": stream}, timeout=60)
        return str(reply.json().get("text", ""))

    def result(self, job_id: str) -> dict[str, Any]:
        reply = requests.get(f"{self._url}/api/v1/statements/{job_id}/result", timeout=60)
        found: dict[str, Any] = reply.json()
        return found

    def kill(self, job_id: str) -> None:
        requests.delete(f"{self._url}/api/v1/statements/{job_id}", timeout=60)


def comes_true(condition: Callable[[], bool], within: float = 300) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def processes(job_id: str) -> list[Path]:
    """Whatever lives of a statement on this machine: by its command line, or its environment."""
    return [each for each in Path("/proc").glob("[0-9]*") if job_id.encode() in _facts(each)]


def _facts(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="module")
def libra(
    cluster: StandaloneCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IsolatedLibra]:
    home = tmp_path_factory.mktemp("isolated")
    libra = IsolatedLibra(home, cluster)
    (home / "Main.java").write_text(MAIN)
    javac = ["javac", "-cp", f"{spark_home()}/jars/*", "-d", str(home), str(home / "Main.java")]
    subprocess.run(javac, check=True)
    jar = ["jar", "--create", "--file", str(libra.jobs / "main.jar"), "-C", str(home), "Main.class"]
    subprocess.run(jar, check=True)
    (libra.jobs / "beside.py").write_text("WORD = 'beside'")
    (libra.jobs / "app.py").write_text(PYTHON_FILE)
    libra.start()
    yield libra
    libra.stop()


PYTHON_FILE = """
import sys
from pyspark.sql import SparkSession
import beside
spark = SparkSession.builder.getOrCreate()
print("rows", spark.range(7).count(), beside.WORD, sys.argv[1:])
"""
INLINE = """
import sys
print("rows", spark.sparkContext.parallelize(range(5)).count(), sys.argv[1:], flush=True)
{}["missing"]
"""


@pytest.fixture(scope="module")
def started(libra: IsolatedLibra) -> dict[tuple[str, str], str]:
    """Every statement of the table, by outcome and mode."""
    jobs = {}
    jar = libra.artifact((libra.jobs / "main.jar").read_bytes(), "main.jar")
    words = libra.artifact(b"fetched", "words.txt")
    shipped = {"filePath": jar, "sparkConfig": SMALL | {"spark.files": words}}
    for mode in MODES:
        jobs["failure", mode] = libra.jar(mode, "fail")
        jobs["kill", mode] = libra.jar(mode, "hang")
        jobs["timeout", mode] = libra.jar(mode, "hang", timeoutSeconds=20)
        jobs["success", mode] = libra.jar(mode, "run", "a b", "'c'", **shipped)
    return jobs


Started = dict[tuple[str, str], str]
WHERE = {"client": "on Libra's host", "cluster": "on worker worker-"}


@pytest.mark.parametrize("mode", MODES)
def test_a_kill_ends_every_process_of_it(libra: IsolatedLibra, started: Started, mode: str) -> None:
    job_id = started["kill", mode]
    comes_true(lambda: "begun hang" in libra.log(job_id, "stdout"))
    alive = processes(job_id)
    libra.kill(job_id)
    ended = libra.ended(job_id)

    assert alive
    assert (ended["state"], ended["error"]) == ("CANCELLED", "It was killed.")
    comes_true(lambda: not processes(job_id), within=120)


@pytest.mark.parametrize("mode", MODES)
def test_a_failure_tells_its_first_exception(
    libra: IsolatedLibra, started: Started, mode: str
) -> None:
    ended = libra.ended(started["failure", mode])

    assert (ended["state"], ended["mode"], ended["deployMode"]) == ("FAILED", "ISOLATED", mode)
    assert ended["error"] == "java.lang.IllegalStateException: as asked"
    assert ended["driver"]["where"].startswith(WHERE[mode])


@pytest.mark.parametrize("mode", MODES)
def test_a_timeout_ends_it_as_a_failure(libra: IsolatedLibra, started: Started, mode: str) -> None:
    job_id = started["timeout", mode]
    ended = libra.ended(job_id)

    assert (ended["state"], ended["errorClass"]) == ("FAILED", "LIBRA_TIMEOUT")
    comes_true(lambda: not processes(job_id), within=120)


@pytest.mark.parametrize("mode", MODES)
def test_a_success_had_its_arguments_its_properties_its_artifacts_and_executors(
    libra: IsolatedLibra, started: Started, mode: str
) -> None:
    job_id = started["success", mode]
    ended = libra.ended(job_id)
    shown = libra.log(job_id, "stdout")
    noise = libra.log(job_id, "stderr")

    assert (ended["state"], ended["error"]) == ("SUCCESS", None)
    assert "begun run,a b,'c'" in shown
    assert f"sum 6 odd {ODD}" in shown
    assert "on an executor: fetched" in shown
    assert ended["driver"]["applicationId"].startswith("app-")
    assert "SparkContext" in noise
    assert "hidden-s3a-secret" not in noise
    assert "Launch Command" not in noise


@pytest.mark.slow  # without Spark: tests/spark/test_statement_kinds.py, by the command
@pytest.mark.parametrize("mode", MODES)
def test_a_python_file_finds_what_lies_beside_it(libra: IsolatedLibra, mode: str) -> None:
    file = str(libra.jobs / "app.py")
    job_id = libra.submit("python-file", filePath=file, args=["a b"], deployMode=mode)
    ended = libra.ended(job_id)

    assert (ended["state"], ended["error"]) == ("SUCCESS", None)
    assert "rows 7 beside ['a b']" in libra.log(job_id, "stdout")


def test_inline_code_with_resource_settings_has_a_spark_of_its_own_and_its_traceback_is_told(
    libra: IsolatedLibra,
) -> None:
    job_id = libra.submit("python", code=INLINE, args=["x"], mode=None)
    ended = libra.ended(job_id)

    assert (ended["state"], ended["mode"]) == ("FAILED", "ISOLATED")
    assert ended["error"] == "KeyError: 'missing' (line 4: {}[\"missing\"])"
    assert "rows 5 ['x']" in libra.log(job_id, "stdout")
    assert 'statement.py", line 4, in <module>' in libra.log(job_id, "stdout")
    assert "bootstrap" not in libra.log(job_id, "stdout")


SELECT = "SELECT id, id / 2.0BD AS half, DATE'2026-01-31' AS day FROM range(:n) ORDER BY id"
RETURNS = """
from libra_provider import jobs
def test_rows(): jobs.result(spark.range(3).selectExpr("id * 2 AS twice"))
test_rows()
"""


def test_drivers_of_their_own_return_rows_and_what_they_wrote_as_the_shared_one_does(
    libra: IsolatedLibra, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    lake.mkdir(mode=0o777)
    sql = {"code": SELECT, "parameters": {"n": 3}}
    rows = libra.submit("sql", **sql, deployMode="client")
    written = libra.submit("sql", **sql, deployMode="cluster", resultPath=str(lake / "halves"))
    python = libra.submit("python", code=RETURNS, deployMode="cluster")

    assert libra.ended(rows)["error"] is None
    assert libra.result(rows)["columns"] == ["id", "half", "day"]
    assert libra.result(rows)["rows"][1] == [1, "0.500000", "2026-01-31"]
    assert (libra.ended(written)["error"], libra.ended(written)["rowCount"]) == (None, 3)
    assert libra.result(written)["uri"] == f"file:{lake}/halves"
    assert list((lake / "halves").glob("*.parquet"))
    assert (libra.ended(python)["error"], libra.result(python)["rows"]) == (None, [[0], [2], [4]])


def test_the_old_endpoint_blocks_and_answers_in_plain_json(libra: IsolatedLibra) -> None:
    jar = {"jarPath": str(libra.jobs / "main.jar"), "mainClass": "Main"}
    body = {**jar, "args": ["fail"], "executionMode": "SPARK_SUBMIT", "sparkConfig": SMALL}
    reply = libra.post("/spark/jobs/submit/jar", body)

    assert (reply.status_code, reply.headers["Content-Type"]) == (500, "application/json")
    assert reply.json()["status"] == "FAILED"
    assert "IllegalStateException: as asked" in reply.json()["errorMessage"]
    assert reply.json()["output"] == "begun fail\n"
    assert reply.json()["executionTimeMs"] > 0


def drivers_on(cluster: StandaloneCluster) -> set[str]:
    """The drivers that run on *cluster*, those of other tests included."""
    page = fetch_json(f"{cluster.ui_url}/json/", timeout=60)
    return {each["id"] for each in page["activedrivers"]}


def test_a_killed_libra_takes_its_own_drivers_along_and_finds_those_of_the_cluster(
    libra: IsolatedLibra, cluster: StandaloneCluster
) -> None:
    others = drivers_on(cluster)
    jobs = {mode: libra.jar(mode, "hang") for mode in MODES}
    for job_id in jobs.values():
        comes_true(lambda job_id=job_id: "begun" in libra.log(job_id, "stdout"))  # type: ignore[misc]
    before = libra.status(jobs["cluster"])["driver"]["driverId"]
    libra.process.kill()
    libra.process.wait()
    comes_true(lambda: not processes(jobs["client"]), within=120)
    libra.start()
    lost = libra.ended(jobs["client"])
    found = libra.status(jobs["cluster"])
    made = drivers_on(cluster) - others
    libra.kill(jobs["cluster"])

    assert lost["state"] == "LOST"
    assert "it may have written" in lost["error"]
    assert (found["state"], found["driver"]["driverId"]) == ("RUNNING", before)
    assert made == {before}
    assert libra.ended(jobs["cluster"])["state"] == "CANCELLED"
