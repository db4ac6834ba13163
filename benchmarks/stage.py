"""A small real cluster, a JAR to run on it, and the two programs that can submit it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow.sdk import Connection

from libra_provider.cluster.java import java_home
from libra_provider.cluster.standalone import StandaloneCluster, spark_home
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.hooks import SparkMasterHook

MAIN = "Nap"
_SOURCE = """
public class Nap {
    public static void main(String[] seconds) throws InterruptedException {
        Thread.sleep(1000L * Integer.parseInt(seconds[0]));
    }
}
"""
# Without a level for this logger, `spark-submit --status` gets its answer and keeps it to itself:
# SparkSubmit starts logging as the shells do, which hides everything below WARN.
_LOGGING = """
logger.rest.name = org.apache.spark.deploy.rest
logger.rest.level = info
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n
"""
_CONF = {"spark.driver.memory": "512m", "spark.cores.max": "1"}
_FOREIGN = ("SPARK_", "PYSPARK_", "PYTHON", "AIRFLOW", "LIBRA_")
_AT_MOST = 120.0  # seconds that a driver may take to start and end


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the measured programs run; *env* is the environment of commands."""

    master_url: str
    rest_url: str
    ui_url: str
    jar: Path
    env: dict[str, str]

    def spark_submit(self, *options: str) -> list[str]:
        """The command of Spark itself, speaking the same protocol to the same port as ours."""
        master = self.rest_url.replace("http://", "spark://")
        program = str(spark_home() / "bin" / "spark-submit")
        return [program, "--master", master, "--conf", "spark.master.rest.enabled=true", *options]

    def libra(self, command: str, *arguments: str) -> list[str]:
        """The ``libra`` command."""
        servers = ["--master", self.master_url, "--rest", self.rest_url, "--ui", self.ui_url]
        return [sys.executable, "-m", "libra_provider.cli", command, *servers, *arguments]

    def job(self, seconds: int) -> SparkJob:
        """A driver that sleeps for *seconds*, as a job."""
        return SparkJob.from_application(
            str(self.jar), java_class=MAIN, application_args=[str(seconds)], conf=_CONF
        )

    def options(self, seconds: int) -> list[str]:
        """The same job, as both commands want it."""
        conf = [word for key, value in _CONF.items() for word in ("--conf", f"{key}={value}")]
        return ["--class", MAIN, *conf, str(self.jar), str(seconds)]

    def connection(self) -> Connection:
        """The connection as Airflow hands it out."""
        return SparkMasterHook.get_connection(SparkMasterHook.default_conn_name)

    def hook(self) -> SparkMasterHook:
        """A new hook, without a connection to the master yet."""
        return SparkMasterHook().use(self.connection())

    def start(self, seconds: int) -> str:
        """The id of a driver that runs, for *seconds*."""
        with contextlib.closing(self.hook()) as hook:
            driver_id = hook.submit(self.job(seconds), new_tag()).job_id
        self.wait_until(driver_id, JobState.RUNNING)
        return driver_id

    def wait_until(self, driver_id: str, wanted: JobState = JobState.SUCCEEDED) -> None:
        """Return once *driver_id* is in the state *wanted*; raises RuntimeError if it never is."""
        gives_up_at = time.monotonic() + _AT_MOST
        with contextlib.closing(self.hook()) as hook:
            while (status := hook.status(driver_id)).state is not wanted:
                if status.state.is_terminal or time.monotonic() > gives_up_at:
                    raise RuntimeError(f"{driver_id} is {status.state}: {status.detail}")
                time.sleep(0.2)


def driver_in(output: str) -> str:
    """The driver's id that a command has printed."""
    found = re.search(r"driver-\d+-\d+", output)
    if found is None:
        raise RuntimeError(f"no driver's id in:\n{output}")
    return found[0]


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """One worker with two cores; everything is stopped at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="libra-bench-") as folder,
        StandaloneCluster(cores=2, memory="2g") as cluster,
    ):
        os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(cluster.connection())
        yield Stage(
            master_url=cluster.master_url,
            rest_url=cluster.rest_url,
            ui_url=cluster.ui_url,
            jar=_jar(Path(folder)),
            env=_environment(Path(folder)),
        )


def _jar(folder: Path) -> Path:
    source = folder / f"{MAIN}.java"
    source.write_text(_SOURCE)
    subprocess.run([java_home() / "bin" / "javac", "-d", folder, source], check=True)
    jar = folder / "nap.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.write(folder / f"{MAIN}.class", f"{MAIN}.class")
    return jar


def _environment(folder: Path) -> dict[str, str]:
    """Spark's own defaults, whatever steers Spark on this machine."""
    (folder / "log4j2.properties").write_text(_LOGGING)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
