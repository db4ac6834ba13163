"""A Libra and a job beside it, on a cluster that is too small for both at their full size."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libra_provider.cluster.http_probe import fetch_json
from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import StandaloneCluster, spark_home
from tests.spark.statements import AT_ONCE, WAIT, Client

CORES = 2
IDLE = "2s"
LIBRA = {
    "spark.cores.max": str(CORES),
    "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "4",
    "spark.dynamicAllocation.executorIdleTimeout": IDLE,
    "spark.dynamicAllocation.shuffleTracking.timeout": IDLE,
}
JOB = {
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.cores.max": "1",
}
# Every task takes a while, so that one core is not enough: Spark must not see that all rows stay.
SHUFFLE = (
    "SELECT id % 3, count(*) FROM range(0, 16, 1, 16)"
    " WHERE length(reflect('java.lang.Thread', 'sleep', 1500L)) > 0 GROUP BY 1"
)
MAIN = """
import java.io.File;
import java.util.Arrays;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

public class Job {
  public static void main(String[] args) throws Exception {
    try (JavaSparkContext context = new JavaSparkContext(new SparkConf())) {
      System.out.println("sum " + context.parallelize(Arrays.asList(1, 2)).reduce(Integer::sum));
      while (!new File(args[0]).exists()) Thread.sleep(50);
    }
  }
}
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[StandaloneCluster, LocalLibra]]:
    """Two cores, and a Libra that takes them both when it has work."""
    settings = {"file_roots": str(tmp_path)}
    with (
        StandaloneCluster(cores=CORES, memory="2g") as cluster,
        LocalLibra(cluster.master_url, spark=LIBRA, settings=settings) as libra,
    ):
        yield cluster, libra


@pytest.mark.slow
def test_an_isolated_job_finds_room_beside_an_idle_libra_which_works_on(
    small: tuple[StandaloneCluster, LocalLibra], tmp_path: Path
) -> None:
    cluster, libra = small
    jar, done = _jar(tmp_path), tmp_path / "done"
    api = Client(libra.url, token=libra.token)
    busy = api.submit(SHUFFLE, AT_ONCE)["jobId"]
    comes_true(lambda: cores_of(cluster, "Libra") == CORES)
    first = api.status(busy, WAIT)
    body = {"kind": "jar", "filePath": str(jar), "mainClass": "Job", "args": [str(done)]}
    job_id = start(api, {**body, "deployMode": "client", "sparkConfig": JOB})
    comes_true(lambda: "sum 3" in log_of(api, job_id))
    beside_it = api.submit(SHUFFLE, AT_ONCE)["jobId"]
    comes_true(lambda: cores_of(cluster, "Libra") == 1)
    beside = api.status(beside_it, WAIT)
    done.touch()
    job = api.status(job_id, WAIT)
    again = api.submit(SHUFFLE, AT_ONCE)["jobId"]
    comes_true(lambda: cores_of(cluster, "Libra") == CORES)
    last = api.status(again, WAIT)
    api.close()

    assert [each["state"] for each in (first, beside, job, last)] == ["SUCCESS"] * 4
    assert last["driver"]["epoch"] == 1


def start(api: Client, body: dict[str, object]) -> str:
    reply = api._session.post(
        f"{api._url}/sessions/default/statements", json=body, headers=AT_ONCE, timeout=60
    )
    assert reply.status_code == 202, reply.text
    job_id: str = reply.json()["jobId"]
    return job_id


def log_of(api: Client, job_id: str) -> str:
    url = f"{api._url}/statements/{job_id}/log"
    reply = api._session.get(url, params={"stream": "stdout"}, timeout=60)
    text: str = reply.json().get("text", "")
    return text


def cores_of(cluster: StandaloneCluster, name: str) -> int:
    apps = fetch_json(f"{cluster.ui_url}/json/activeapps", timeout=60).get("activeapps", [])
    return sum(each["cores"] for each in apps if each["name"] == name)


def comes_true(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "it never comes true"
        time.sleep(0.1)


def _jar(folder: Path) -> Path:
    (folder / "Job.java").write_text(MAIN)
    jars = f"{spark_home()}/jars/*"
    subprocess.run(["javac", "-nowarn", "-cp", jars, "Job.java"], check=True, cwd=folder)
    subprocess.run(["jar", "cf", "job.jar", "Job.class"], check=True, cwd=folder)
    return folder / "job.jar"
