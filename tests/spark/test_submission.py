"""What arrives in a dedicated job: on a master that allows only some application resources."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from libra_provider.clients.stop import kill_and_verify
from libra_provider.cluster.standalone import StandaloneCluster, spark_home
from libra_provider.core.errors import Rejected
from libra_provider.core.job import SparkJob, new_tag
from libra_provider.core.states import JobState
from libra_provider.core.status import JobStatus
from libra_provider.hooks import SparkMasterHook
from tests.spark.jars import compiled

PACKAGE = "org.lib:parting:1.0"
JOBS = Path(__file__).parent / "jobs"
SECRET = {"spark.hadoop.fs.s3a.secret.key": "hidden-s3a-secret"}
ODD = "two  spaces, 'single' \"double\" $HOME `id` \\ back\nand a second line"
SMALL = {
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.cores.max": "1",
    "spark.odd": ODD,
    **SECRET,
}
# Differs between any two runs, or is how one finds a submission again.
OF_ONE_RUN = re.compile(r"spark\.(app\.(id|startTime|submitTime)|driver\.port|libra\.tag)")
GREETING = 'package lib; public class Greeting { public static String word() { return "hello"; } }'
PARTING = 'package pack; public class Parting { public static String word() { return "bye"; } }'
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>org.lib</groupId><artifactId>parting</artifactId><version>1.0</version></project>"""
SETTINGS = """<ivysettings><settings defaultResolver="here"/><resolvers>
<ibiblio name="here" m2compatible="true" root="{root}"/></resolvers></ivysettings>"""
MAIN = """
import java.nio.file.*;
import java.util.*;
import org.apache.spark.*;
import org.apache.spark.api.java.*;
import com.fasterxml.jackson.databind.ObjectMapper;

public class Main {
  static String word(String name) throws Exception {
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    return (String) Class.forName(name, true, loader).getMethod("word").invoke(null);
  }
  static String read(String name) throws Exception {
    return Files.readString(Path.of(SparkFiles.get(name)));
  }
  public static void main(String[] args) throws Exception {
    try (JavaSparkContext sc = new JavaSparkContext(new SparkConf())) {
      String name = args[2];
      String there = sc.parallelize(List.of(1), 1).map(
          x -> lib.Greeting.word() + " " + read("shipped.txt") + " " + read("from_py_file.py") + " "
              + Files.readString(Path.of(SparkFiles.getRootDirectory(), "unpacked", "inside.txt"))
              + " " + word(name)
      ).first();
      List<String> facts = List.of(
          lib.Greeting.word() + " " + read("shipped.txt") + " " + word(name), there,
          sc.getConf().get("spark.odd"), sc.getConf().get("spark.from.the.master"), args[1]);
      ObjectMapper json = new ObjectMapper();
      Files.writeString(Path.of(args[0]),
          json.writeValueAsString(facts) + "\\0" + json.writeValueAsString(System.getenv()));
    }
  }
}
"""


@pytest.fixture(scope="module")
def restricted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneCluster]:
    """Only files may be applications there; an empty resource is none."""
    rules = {"spark.master.rest.allowedAppResourcePatterns": r"file:/.*\.(py|jar)"}
    home = tmp_path_factory.mktemp("restricted")
    with StandaloneCluster(cores=4, memory="3g", properties=rules, home=home) as running:
        yield running


@pytest.fixture
def hook(restricted: StandaloneCluster) -> SparkMasterHook:
    os.environ["AIRFLOW_CONN_SPARK_MASTER_DEFAULT"] = json.dumps(restricted.connection())
    return SparkMasterHook()


@dataclass
class Running:
    """A cluster, a way to it, what to run there, and a file for what it says."""

    cluster: StandaloneCluster
    hook: SparkMasterHook
    parts: dict[str, str]
    answer: Path


@pytest.fixture
def running(
    restricted: StandaloneCluster, hook: SparkMasterHook, parts: dict[str, str], tmp_path: Path
) -> Running:
    return Running(restricted, hook, parts, tmp_path / "answer")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An application and what it needs, all in one folder."""
    folder = tmp_path_factory.mktemp("parts") / "lying"
    folder.mkdir()
    (folder / "probe.py").write_text((JOBS / "probe.py").read_text())
    (folder / "besides.py").write_text("WORD = 'beside'")
    (folder / "from_py_file.py").write_text("WORD = 'py-file'")
    (folder / "shipped.txt").write_text("shipped")
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr("inside.txt", "unpacked")
    compiled(folder / "lib.jar", {"lib/Greeting.java": GREETING})
    published(folder / "repository")
    settings = SETTINGS.format(root=(folder / "repository").as_uri())
    (folder / "ivysettings.xml").write_text(settings)
    compiled(folder / "main.jar", {"Main.java": MAIN}, beside=[folder / "lib.jar"])
    return {each.stem: str(each) for each in folder.iterdir()}


def published(repository: Path) -> None:
    """The package org.lib:parting:1.0, in a repository that needs no network."""
    folder = repository / "org" / "lib" / "parting" / "1.0"
    folder.mkdir(parents=True)
    compiled(folder / "parting-1.0.jar", {"pack/Parting.java": PARTING})
    (folder / "parting-1.0.pom").write_text(POM)


def ended(hook: SparkMasterHook, driver_id: str) -> JobStatus:
    for _ in range(1200):
        status = hook.status(driver_id)
        if status.state.is_terminal:
            return status
        time.sleep(0.25)
    raise AssertionError(f"{driver_id} is still {status.state}")


def shown_log(hook: SparkMasterHook, driver_id: str) -> str:
    """The driver's log as users of ours read it."""
    look = hook.look(hook.view(driver_id))
    return "\n".join([*map(str, look.lines), look.warning])


def lists(parts: Mapping[str, str]) -> dict[str, list[str]]:
    return {
        "py_files": [parts["from_py_file"]],
        "jars": [parts["lib"]],
        "files": [parts["shipped"]],
        "archives": [f"{parts['archive']}#unpacked"],
    }


def offline(parts: Mapping[str, str]) -> dict[str, str]:
    """Where packages are looked for, instead of in the world's repositories."""
    settings = Path(parts["ivysettings"])
    return {
        "spark.jars.ivySettings": str(settings),
        "spark.jars.ivy": str(settings.parent / "ivy"),
    }


def by_spark_submit(
    cluster: StandaloneCluster, parts: Mapping[str, str], answer: Path
) -> subprocess.Popen[bytes]:
    options = [
        word
        for name, values in lists(parts).items()
        for word in (f"--{name.replace('_', '-')}", ",".join(values))
    ]
    given = SMALL | offline(parts)
    conf = [word for key, value in given.items() for word in ("--conf", f"{key}={value}")]
    words = [
        "--master",
        cluster.master_url,
        "--deploy-mode",
        "client",
        "--name",
        "probe",
        "--packages",
        PACKAGE,
    ]
    words += [*conf, *options, parts["probe"], str(answer), "an argument", "--name"]
    environment = cluster._environment | {"WORD": "given"}
    return subprocess.Popen(
        [str(spark_home() / "bin" / "spark-submit"), *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_python_job_finds_what_spark_submit_would_give_it(running: Running) -> None:
    restricted, hook, parts = running.cluster, running.hook, running.parts
    ours_file = running.answer
    theirs_file = ours_file.with_suffix(".theirs")
    os.environ["WORD"] = "leaked"
    os.environ["LEAK"] = "leaked"
    job = SparkJob.from_application(
        parts["probe"],
        application_args=[str(ours_file), "an argument", "--name"],
        conf=SMALL | offline(parts),
        packages=[PACKAGE],
        env_vars={"WORD": "given"},
        name="probe",
        **lists(parts),
    )
    with by_spark_submit(restricted, parts, theirs_file) as theirs_process:
        driver_id = hook.submit(job, new_tag()).job_id
        status, code = ended(hook, driver_id), theirs_process.wait()
    assert (status.state, code) == (JobState.SUCCEEDED, 0), shown_log(hook, driver_id)
    theirs, ours = json.loads(theirs_file.read_text()), json.loads(ours_file.read_text())

    assert settings(ours) == settings(theirs)
    assert ours["conf"]["spark.odd"] == ODD
    assert [without_folders(each) for each in ours["path"]] == [
        without_folders(each) for each in theirs["path"]
    ]
    same = ("argv", "name", "file", "words", "executor", "jars")
    assert [ours[key] for key in same] == [theirs[key] for key in same]
    assert ours["argv"] == ["an argument", "--name"]
    names = ours["environment"].keys() ^ theirs["environment"].keys()
    assert names == {"SPARK_DRIVER_LOG_URL_STDERR", "SPARK_DRIVER_LOG_URL_STDOUT"}
    assert (ours["environment"]["WORD"], "LEAK" in ours["environment"]) == ("given", False)
    check_that_no_log_tells_secrets(restricted, hook, driver_id)


def settings(facts: dict[str, Any]) -> dict[str, object]:
    """What getConf() says, without what create_request.py lists as different."""
    return {
        key: sorted(re.sub(r"localhost:\d+", "HOST", value).split(","))
        for key, value in facts["conf"].items()
        if not OF_ONE_RUN.fullmatch(key)
    }


def without_folders(text: str) -> str:
    """*text* without the names of folders that Spark makes for one run."""
    return re.sub(r"(spark|userFiles|localPyFiles)-[0-9a-f-]{36}", r"\1", text)


def check_that_no_log_tells_secrets(
    cluster: StandaloneCluster, hook: SparkMasterHook, driver_id: str
) -> None:
    shown = shown_log(hook, driver_id)
    [folder] = cluster.home.glob(f"spark-worker-*/{driver_id}")
    stored = "".join((folder / stream).read_text() for stream in ("stdout", "stderr"))

    assert "Running Spark version" in shown
    assert "Launch Command" not in shown
    assert "hidden-s3a-secret" not in shown
    # That much Spark does by itself, as long as properties are no arguments.
    assert "spark.hadoop.fs.s3a.secret.key=*********(redacted)" in stored
    assert "hidden-s3a-secret" not in stored


@pytest.mark.parametrize(
    ("package", "name", "word"),
    [
        ([], "lib.Greeting", "hello"),
        pytest.param([PACKAGE], "pack.Parting", "bye", marks=pytest.mark.slow),
    ],
    ids=["alone", "with packages"],
)
def test_a_jar_job_has_its_parts_on_driver_and_executor(
    running: Running, package: list[str], name: str, word: str
) -> None:
    restricted, hook, parts = running.cluster, running.hook, running.parts
    said = running.answer
    os.environ["LEAK"] = "leaked"
    job = SparkJob.from_application(
        parts["main"],
        java_class="Main",
        application_args=[str(said), "an argument", name],
        packages=package,
        conf=SMALL | offline(parts) | {"spark.from.the.master": "{{SPARK_LOCAL_IP}}"},
        env_vars={"GIVEN": ODD, "MASTERS": "{{SPARK_LOCAL_IP}}", "NOBODYS": "{{NO_SUCH}}"},
        **lists(parts),
    )
    driver_id = hook.submit(job, new_tag()).job_id
    status = ended(hook, driver_id)
    assert status.state is JobState.SUCCEEDED, shown_log(hook, driver_id)
    facts, environment = (json.loads(line) for line in said.read_text().split("\0"))

    assert facts == [
        f"hello shipped {word}",
        f"hello shipped WORD = 'py-file' unpacked {word}",
        ODD,
        "127.0.0.1",
        "an argument",
    ]
    assert environment["GIVEN"] == ODD
    assert environment["MASTERS"] == "127.0.0.1"
    assert environment["NOBODYS"] == "{{NO_SUCH}}"
    assert "LEAK" not in environment
    check_that_no_log_tells_secrets(restricted, hook, driver_id)


def test_a_resource_that_the_master_does_not_allow_is_named_with_the_setting(
    hook: SparkMasterHook,
) -> None:
    for application, lacks in (("http://h/etl.py", "http://h/etl.py"), ("s3a://b/etl.py", r"\(\)")):
        job = SparkJob.from_application(application, conf=SMALL)

        with pytest.raises(Rejected, match=f"allowedAppResourcePatterns lacks .*{lacks}"):
            hook.submit(job, new_tag())


COMPUTES = "import sys\nopen(sys.argv[1], 'w').close()\nwhile True: pass"


@pytest.mark.parametrize("ours", [True, False], ids=["bootstrapped", "alone"])
def test_a_killed_python_driver_leaves_no_process_where_the_bootstrap_runs_it(
    hook: SparkMasterHook, tmp_path: Path, ours: bool
) -> None:
    """Without it, a process that computes goes on: then this test has to end it."""
    program, began = tmp_path / "computes.py", tmp_path / "began"
    program.write_text(COMPUTES)
    hook.client()
    hook.bootstrap = hook.bootstrap if ours else None
    job = SparkJob.from_application(str(program), application_args=[str(began)], conf=SMALL)
    driver_id = hook.submit(job, new_tag()).job_id
    wait_until(began.exists)
    kill_and_verify(hook, driver_id)
    wait_until(lambda: not processes("DriverWrapper", str(program)))
    if ours:
        wait_until(lambda: not processes(str(program)))
    left = [pid for pid in processes(str(program)) if settles(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)

    assert len(left) == (0 if ours else 1)


@pytest.mark.slow
def test_a_driver_timeout_ends_a_driver_that_nobody_watches(
    hook: SparkMasterHook, tmp_path: Path
) -> None:
    program = tmp_path / "endless.py"
    program.write_text(ENDLESS)
    job = SparkJob.from_application(str(program), conf=SMALL, driver_timeout=30.0)
    driver_id = hook.submit(job, new_tag()).job_id
    status = ended(hook, driver_id)

    assert status.state is JobState.FAILED
    assert "Terminate Driver JVM because it runs after 1 minute" in shown_log(hook, driver_id)
    wait_until(lambda: not processes(str(program)))


ENDLESS = """
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate()
while True: pass
"""


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def processes(*words: str) -> list[int]:
    """The processes whose command line has all of *words*."""
    return [
        int(folder.name)
        for folder in Path("/proc").glob("[0-9]*")
        if all(word in command_line(folder) for word in words)
    ]


def command_line(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_bytes().decode(errors="replace")
    except OSError:  # it has ended meanwhile
        return ""


def settles(pid: int) -> bool:
    """Whether the process goes on when it had time enough to see that its JVM is gone."""
    for _ in range(20):
        if not command_line(Path(f"/proc/{pid}")):
            return False
        time.sleep(0.1)
    return True
