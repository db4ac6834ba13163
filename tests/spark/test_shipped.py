"""Jobs that travel: a worker that has none of their files runs them, and gives back what they say.

Libra is its signed endpoints here; tests/spark/test_isolated.py has the whole of it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pytest

from libra_provider.clients import runtime_zip
from libra_provider.clients.stop import kill_and_verify
from libra_provider.cluster.java import java_home
from libra_provider.cluster.standalone import StandaloneCluster
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks import SparkMasterHook
from libra_provider.jobs.bootstrap import VERSION
from tests.fakes.server import Request
from tests.fakes.signed import SignedEndpoints
from tests.fakes.tls import Authority, TlsFront
from tests.spark.jars import compiled

JOBS = Path(__file__).parent / "jobs"
SMALL = {"spark.driver.memory": "512m", "spark.executor.memory": "512m", "spark.cores.max": "1"}


class Shipping:
    """A cluster, a Libra that keeps files for it, and what its drivers have sent."""

    def __init__(self, cluster: StandaloneCluster, libra: SignedEndpoints) -> None:
        os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
        self.hook, self.libra = SparkMasterHook(), libra

    def submit(self, *arguments: str, job: dict[str, Any] | None = None, **order: Any) -> str:
        """Have the workers fetch the bootstrap, and no file of this machine."""
        ours, tag = runtime_zip.bootstrap(), new_tag()
        order_text = self.libra.order(tag, **order)
        shipped = SparkJob.from_application(
            self.libra.keep(ours.name, ours.content),
            application_args=list(arguments),
            env_vars={"LIBRA_JOB": order_text},
            **{"conf": SMALL, **(job or {})},
        )
        return self.hook.submit(shipped, tag).job_id

    def ended(self, driver_id: str) -> JobStatus:
        """How it ended."""
        view = self.hook.view(driver_id)
        wait_until(lambda: self.hook.look(view).status.state.is_terminal)
        return self.hook.look(view).status


@pytest.fixture
def shipping(cluster: StandaloneCluster) -> Iterator[Shipping]:
    with SignedEndpoints() as libra:
        yield Shipping(cluster, libra)


def zipped(**modules: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in modules.items():
            archive.writestr(f"{name}/__init__.py", text)
    return content.getvalue()


def tarred(**files: str) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def rows_of(request: Request) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.ipc.open_stream(io.BytesIO(request.body)).read_all().to_pylist()
    return rows


def test_a_job_has_its_files_on_driver_and_executors_which_need_not_reach_libra(
    shipping: Shipping,
) -> None:
    libra = shipping.libra
    driver_id = shipping.submit(
        "an argument",
        application=libra.keep("etl.py", (JOBS / "shipped.py").read_text()),
        py_files=[
            libra.keep("packed.zip", zipped(packed="WORD = 'from a zip'")),
            libra.keep("single.py", "WORD = 'from a file'"),
        ],
        files=[libra.keep("beside.txt", "beside")],
        archives=[f"{libra.keep('my data.tar.gz', tarred(inside='archived'))}#unpacked"],
        returns=True,
    )
    status = shipping.ended(driver_id)
    [request] = libra.results
    [ended] = libra.events("ended")
    said = libra.events("started")
    asked = [each.path for each in libra.requests if "packed.zip" in each.path]

    assert status.state is JobState.SUCCEEDED, ended
    assert rows_of(request) == [
        {"where": "driver", "words": ["from a zip", "from a file", "beside", "archived"]},
        {"where": "executor", "words": ["from a zip", "from a file", "beside", "archived"]},
    ]
    assert len(asked) == 1
    assert ended["state"] == "SUCCESS"
    assert {each["driverId"] for each in said} == {driver_id}
    assert said[-1]["applicationId"].startswith("app-")
    assert len({each["attempt"] for each in [*said, ended]}) == 1


def test_a_statement_writes_its_rows_and_leaves_a_receipt_without_any_libra(
    cluster: StandaloneCluster, shipping: Shipping, tmp_path: Path
) -> None:
    """The runtime zip lies on the workers, unpacked; parameters travel in the order."""
    home = tmp_path / "libra"
    with zipfile.ZipFile(io.BytesIO(runtime_zip.runtime_zip().content)) as archive:
        archive.extractall(home)
    runner = home / "libra_provider" / "jobs" / "sql_runner.py"
    tag, out = new_tag(), tmp_path / "out" / "rows"
    order = {
        "version": VERSION,
        "tag": tag,
        "kind": "sql",
        "sql": "SELECT id, :day AS day FROM range(:n)",
        "parameters": {"n": 5000, "day": {"type": "date", "value": "2026-01-31"}},
        "result_path": str(out),
        "returns": True,
    }
    job = SparkJob.from_application(
        str(runner), conf=SMALL, env_vars={"LIBRA_JOB": json.dumps(order)}
    )
    driver_id = shipping.hook.submit(job, tag).job_id
    status = shipping.ended(driver_id)
    [folder] = cluster.home.glob(f"spark-worker-*/{driver_id}")
    last = (folder / "stdout").read_text().splitlines()[-1]
    receipt = json.loads(last.removeprefix("libra-receipt: "))
    beside = json.loads((out.parent / f"_libra_{tag}.json").read_text())

    assert status.state is JobState.SUCCEEDED
    assert (receipt["state"], receipt["written"]["rowCount"]) == ("SUCCESS", 5000)
    assert receipt["written"]["uri"] == f"file:{out}"
    assert beside == receipt


def test_a_statement_that_is_wrong_fails_with_class_state_and_position(
    shipping: Shipping,
) -> None:
    driver_id = shipping.submit(kind="sql", sql="SELECT 1 FROM nowhere", returns=True)
    status = shipping.ended(driver_id)
    [ended] = shipping.libra.events("ended")

    assert status.state is JobState.FAILED
    assert "TABLE_OR_VIEW_NOT_FOUND" in status.detail
    assert (ended["errorClass"], ended["sqlState"]) == ("TABLE_OR_VIEW_NOT_FOUND", "42P01")
    assert ended["error"].endswith("(line 1, pos 14)")


def test_each_start_of_a_supervised_driver_is_an_attempt_until_it_is_killed(
    shipping: Shipping,
) -> None:
    """Python code, which finds its session; the last start computes when the kill comes."""
    libra = shipping.libra
    text = (
        "import pathlib, time\n"
        "tries = pathlib.Path('tries')\n"
        "tries.write_text(tries.read_text() + 'x' if tries.exists() else 'x')\n"
        "if len(tries.read_text()) == 1:\n    raise ValueError('the first one fails')\n"
        "spark.range(1).count()\n"
        "while True: time.sleep(1)\n"
    )
    driver_id = shipping.submit(
        kind="python",
        application=libra.keep("text.py", text),
        job={"supervise": True, "conf": SMALL},
    )
    wait_until(lambda: len({each["attempt"] for each in libra.events("started")}) == 2)
    wait_until(lambda: "applicationId" in libra.events("started")[-1])
    killed = kill_and_verify(shipping.hook, driver_id)
    [ended] = libra.events("ended")

    assert killed.state is JobState.KILLED
    assert ended["error"].startswith("ValueError: the first one fails (line 5: ")
    assert ended["attempt"] == libra.events("started")[0]["attempt"]


@pytest.mark.slow
def test_driver_and_executors_have_the_python_that_travels_in_an_archive(
    shipping: Shipping, tmp_path: Path
) -> None:
    """The worker's own Python lacks the library, whose version the job has brought with it."""
    packed = tmp_path / "environment.tar.gz"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    [library] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (library / "brought.py").write_text("import sys\nPREFIX = sys.prefix\n")
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(tmp_path / "venv", ".")
    text = (
        "import brought, sys\n"
        "from pyspark.sql import SparkSession\nfrom libra_provider import jobs\n"
        "def prefix(_):\n    import brought\n    return brought.PREFIX\n"
        "context = SparkSession.builder.getOrCreate().sparkContext\n"
        "found = context.parallelize([1], 1).map(prefix).collect()\n"
        "jobs.result([brought.PREFIX, *found, sys.argv[1:]])\n"
    )
    pythons = {
        "spark.pyspark.python": "./environment/bin/python",
        "spark.pyspark.driver.python": sys.executable,
    }
    driver_id = shipping.submit(
        "argument",
        application=shipping.libra.keep("etl.py", text),
        archives=[f"{shipping.libra.keep(packed.name, packed.read_bytes())}#environment"],
        job={"conf": SMALL | pythons},
    )
    status = shipping.ended(driver_id)
    [ended] = shipping.libra.events("ended")
    assert status.state is JobState.SUCCEEDED, ended
    on_driver, on_executor, arguments = shipping.libra.result["value"]

    assert on_driver.endswith(f"/{driver_id}/environment")
    assert on_executor.endswith("/environment")
    assert "/app-" in on_executor
    assert arguments == ["argument"]
    assert {each["attempt"] for each in shipping.libra.reports} == {ended["attempt"]}


@pytest.mark.slow
def test_jvms_that_trust_libras_certificate_fetch_jars_and_programs_from_it(
    tmp_path: Path,
) -> None:
    """docs/shipping.md, TLS: one variable of the workers, which drivers and executors inherit."""
    authority = Authority(tmp_path / "tls")
    os.environ["JDK_JAVA_OPTIONS"] = trusting(authority, tmp_path / "truststore")
    compiled(tmp_path / "lib.jar", {"lib/Greeting.java": GREETING})
    compiled(tmp_path / "main.jar", {"Main.java": MAIN}, beside=[tmp_path / "lib.jar"])
    with (
        StandaloneCluster(cores=2, memory="2g") as cluster,
        SignedEndpoints() as libra,
        TlsFront(libra.port, authority.chain) as front,
    ):
        libra.public_url, shipping = front.url, Shipping(cluster, libra)
        script = libra.keep("etl.py", "from libra_provider import jobs\njobs.result('secured')")
        python = shipping.submit(application=script, ca=authority.ca.read_text())
        main, lib = (
            libra.keep(name, (tmp_path / name).read_bytes()) for name in ("main.jar", "lib.jar")
        )
        job = SparkJob.from_application(main, java_class="Main", jars=[lib], conf=SMALL)
        java = shipping.hook.submit(job, new_tag()).job_id
        states = [shipping.ended(each).state for each in (python, java)]
        [stdout] = cluster.home.glob(f"spark-worker-*/{java}/stdout")
        said = stdout.read_text()

    assert states == [JobState.SUCCEEDED] * 2
    assert libra.result == {"value": "secured"}
    assert said == "driver hello, executor hello\n"


def trusting(authority: Authority, truststore: Path) -> str:
    """Options for a JVM that trusts *authority* beside those that it comes with."""
    shutil.copy(java_home() / "lib" / "security" / "cacerts", truststore)
    truststore.chmod(0o600)
    place = ["-keystore", str(truststore), "-storepass", "changeit"]
    words = ["keytool", "-importcert", "-noprompt", "-alias", "libra", "-file", str(authority.ca)]
    subprocess.run([*words, *place], check=True, capture_output=True)
    return f"-Djavax.net.ssl.trustStore={truststore} -Djavax.net.ssl.trustStorePassword=changeit"


GREETING = """
package lib;
public class Greeting { public static String word() { return "hello"; } }
"""
MAIN = """
import java.util.List;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

public class Main {
    public static void main(String[] arguments) {
        SparkSession spark = SparkSession.builder().getOrCreate();
        JavaSparkContext context = new JavaSparkContext(spark.sparkContext());
        List<String> words = context.parallelize(List.of(1), 1)
            .map(each -> lib.Greeting.word()).collect();
        System.out.println("driver " + lib.Greeting.word() + ", executor " + words.get(0));
        spark.stop();
    }
}
"""
