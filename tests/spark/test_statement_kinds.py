"""Every kind of statement through operator, hook and command, at the session's Libra."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from libra_provider.cluster.libra import LocalLibra
from libra_provider.cluster.standalone import spark_home
from libra_provider.hooks import LibraHook
from libra_provider.operators import LibraStatementOperator
from tests.fakes.task_runner import TaskRunner

SMALL = {
    "spark.cores.max": "1",
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
}
MAIN = """
import org.apache.spark.sql.SparkSession;

public class Main {
  public static void main(String[] args) {
    SparkSession spark = SparkSession.builder().getOrCreate();
    System.out.println(args[0] + " counted " + spark.range(9).count());
  }
}
"""
ENDLESS = "print('begun', flush=True)\nwhile True: pass"


@pytest.fixture
def hook(libra: LocalLibra) -> Iterator[LibraHook]:
    os.environ["AIRFLOW_CONN_LIBRA_DEFAULT"] = json.dumps(libra.connection())
    found = LibraHook()
    yield found
    found.close()


@pytest.fixture
def session(hook: LibraHook) -> Iterator[str]:
    """A separate session, which ends with the test."""
    name = f"kinds-{uuid.uuid4().hex[:8]}"
    yield name
    hook.close_session(name)


class Task:
    """A deferrable task with these *fields*, begun; its trigger has yet to run."""

    def __init__(self, **fields: Any) -> None:
        self._fields = {"task_id": "work", "poll_interval": 0.2, "deferrable": True, **fields}
        self._runner = TaskRunner()
        self._runner.run(LibraStatementOperator(**self._fields))

    def returned(self) -> Any:
        """What it leaves in XCom at its end."""
        ended = self._runner.resume(LibraStatementOperator(**self._fields))

        assert ended.state == "success", ended.error
        return self._runner.xcoms.get("return_value")


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "Main.java").write_text(MAIN)
    javac = ["javac", "-nowarn", "-cp", f"{spark_home()}/jars/*", "Main.java"]
    subprocess.run(javac, check=True, cwd=folder)
    subprocess.run(["jar", "cf", "main.jar", "Main.class"], check=True, cwd=folder)
    return str(folder / "main.jar")


@pytest.fixture
def environment(libra: LocalLibra) -> dict[str, str]:
    return {"LIBRA_URL": libra.url, "LIBRA_TOKEN": libra.token}


def command(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "libra_provider.cli", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_task_runs_python_in_the_world_of_its_session(
    session: str, hook: LibraHook, caplog: pytest.LogCaptureFixture
) -> None:
    code = "import sys\nspark.range({{ 3 + 4 }}).createOrReplaceTempView('seven')\n"
    said = "print('counted', sys.argv[1])\nprint('password=hunter2', file=sys.stderr)\n"
    task = Task(
        python=code + said + "{'rows': spark.table('seven').count()}",
        application_args=["here"],
        session=session,
    )
    value = task.returned()
    rows = Task(sql="SELECT count(*) AS n FROM seven", session=session).returned()

    assert (value, rows) == ({"rows": 7}, [{"n": 7}])
    assert caplog.messages.count("[stdout] counted here") == 1
    assert caplog.messages.count("[stderr] password=***") == 1
    [_, python] = hook.statements(session=session)
    assert hook.logs(python.status.job_id).lines == ("counted here",)


def test_the_command_prints_what_python_prints_and_kills_it_at_ctrl_c(
    environment: dict[str, str], session: str
) -> None:
    frame = "print('first')\nspark.sql('SELECT 1 AS n, DATE \\'2026-01-02\\' AS d')"
    process = command(environment, "python", frame, "--json", "--session", session)
    stdout, _ = process.communicate(timeout=120)
    endless = command(environment, "python", ENDLESS, "--session", session)
    assert endless.stdout is not None
    assert endless.stdout.readline() == "begun\n"
    endless.send_signal(signal.SIGINT)
    _, stderr = endless.communicate(timeout=120)

    first, _, rows = stdout.partition("\n")
    assert (first, json.loads(rows)) == ("first", [{"n": 1, "d": "2026-01-02"}])
    assert (endless.returncode, stderr.splitlines()[-1][-len("ended: killed") :]) == (
        130,
        "ended: killed",
    )


def test_a_task_runs_a_jar_in_the_shared_jvm_and_in_a_driver_on_a_worker(
    hook: LibraHook, jar: str, caplog: pytest.LogCaptureFixture
) -> None:
    main = {"application": jar, "java_class": "Main"}
    tasks = [
        Task(**main, mode="shared", application_args=["shared"]),
        Task(**main, deploy_mode="cluster", conf=SMALL, application_args=["on a worker"]),
    ]
    returned = [each.returned() for each in tasks]
    on_worker, shared = (each.status for each in hook.statements(limit=2))

    assert returned == [None, None]
    assert caplog.messages.count("[stdout] shared counted 9") == 1
    assert caplog.messages.count("[stdout] on a worker counted 9") == 1
    assert (shared.kind, shared.mode, shared.deploy_mode) == ("jar-class", "shared", None)
    assert (on_worker.kind, on_worker.mode, on_worker.deploy_mode) == ("jar", "isolated", "cluster")
    assert on_worker.location is not None
    assert str(on_worker.location.log_url).startswith("http://")


def test_the_command_runs_a_file_beside_libra_and_shows_its_log_and_its_end(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """Plain Python, with a module beside it: a separate context would only take longer."""
    (tmp_path / "job.py").write_text(
        "import sys\nfrom beside import WORD\nprint(WORD, *sys.argv[1:], flush=True)\n"
        "sys.exit(int(sys.argv[1]))\n"
    )
    (tmp_path / "beside.py").write_text("WORD = 'given'")
    run = ("run", str(tmp_path / "job.py"), "--deploy-mode", "client")
    conf = [f"--conf={key}={value}" for key, value in SMALL.items()]
    good = command(environment, *run, *conf, "--", "0")
    bad = command(environment, *run, *conf, "--", "3")
    (good_out, good_err), (bad_out, bad_err) = good.communicate(), bad.communicate()
    _submitted, job_id, *_ = good_err.split()
    logs, _ = command(environment, "logs", "-f", job_id, "--stream", "stdout").communicate()
    status, _ = command(environment, "status", job_id).communicate()

    assert (good.returncode, good_out) == (0, "given 0\n"), good_err
    assert (bad.returncode, bad_out) == (1, "given 3\n"), bad_err
    assert " failed: " in bad_err.splitlines()[-1]
    assert logs == "given 0\n"
    assert "isolated, client" in status
    assert "on Libra's host" in status
