from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from libra_provider.cli.backends import MasterJobs
from libra_provider.clients.submit_once import SubmitTiming
from libra_provider.core.errors import ServerUnreachable, UndecidedSubmission
from libra_provider.core.job import SparkJob
from tests.cli.conftest import Run, Start
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster

TRACEBACK = "Traceback (most recent call last):\n  File 'x'\nValueError: no such airport\n"


@pytest.fixture
def app_py(tmp_path: Path) -> str:
    file = tmp_path / "app.py"
    file.write_text("print('hello')")
    return str(file)


def arguments_of(master: FakeMaster) -> list[str]:
    """What the only driver was started with."""
    [driver] = master.drivers.values()
    found: list[str] = driver.request["appArgs"]
    return found


def test_a_driver_is_followed_to_its_success_and_its_id_is_on_stdout(run: Run, app_py: str) -> None:
    result = run("submit", app_py)

    assert result.exit_code == 0
    assert result.stdout == "driver-20261120082239-0000\n"
    assert "is running on worker worker-20261120082230" in result.stderr
    assert "succeeded after" in result.stderr


def test_options_that_are_not_ours_are_the_applications(
    run: Run, app_py: str, fake_master: FakeMaster
) -> None:
    run("submit", "--name", "etl", app_py, "--day", "1", "-v")

    assert arguments_of(fake_master)[-4:] == [app_py, "--day", "1", "-v"]


def test_ours_may_stand_before_and_after_the_application(
    run: Run, app_py: str, fake_master: FakeMaster
) -> None:
    run("submit", "--name", "etl", app_py, "2013", "--conf", "spark.cores.max=1")

    [driver] = fake_master.drivers.values()
    assert driver.request["sparkProperties"]["spark.cores.max"] == "1"
    assert arguments_of(fake_master)[-2:] == [app_py, "2013"]


def test_everything_behind_two_dashes_is_the_applications(
    run: Run, app_py: str, fake_master: FakeMaster
) -> None:
    run("submit", app_py, "--", "--name", "x", "--conf", "y")

    assert arguments_of(fake_master)[-5:] == [app_py, "--name", "x", "--conf", "y"]


def test_properties_environment_and_lists_reach_the_master(
    run: Run, app_py: str, tmp_path: Path, fake_master: FakeMaster
) -> None:
    for name in ("a.zip", "b.py"):
        (tmp_path / name).touch()

    run(
        *("submit", "--conf", "spark.executor.memory=1.5 GB", "--env", "TZ=UTC", "--supervise"),
        *("--py-files", f"{tmp_path}/a.zip,{tmp_path}/b.py", "--jars", "http://host/x.jar", app_py),
    )

    [driver] = fake_master.drivers.values()
    assert driver.request["sparkProperties"]["spark.executor.memory"] == "1536m"
    assert driver.request["sparkProperties"]["spark.driver.supervise"] == "true"
    assert driver.request["environmentVariables"]["TZ"] == "UTC"
    assert f"{tmp_path}/a.zip,{tmp_path}/b.py" in arguments_of(fake_master)
    assert "http://host/x.jar" in arguments_of(fake_master)


def test_a_secret_property_is_sent_and_never_said(
    run: Run, app_py: str, fake_master: FakeMaster
) -> None:
    result = run("submit", "--conf", "spark.hadoop.fs.s3a.secret.key=hidden", app_py)

    [driver] = fake_master.drivers.values()
    assert driver.request["sparkProperties"]["spark.hadoop.fs.s3a.secret.key"] == "hidden"
    assert "hidden" not in result.output


def test_a_jar_runs_its_main_class(run: Run, fake_master: FakeMaster) -> None:
    result = run("submit", "--class", "com.acme.Etl", "http://host/etl.jar", "2013")

    [driver] = fake_master.drivers.values()
    assert result.exit_code == 0
    assert driver.request["mainClass"] == "com.acme.Etl"
    assert driver.request["appArgs"] == ["2013"]


@pytest.mark.parametrize(
    ("word", "outcome"), [("FAILED", "failed: ValueError: no such airport"), ("KILLED", "killed")]
)
def test_any_other_end_than_success_is_a_1_with_the_reason_last(
    run: Run, app_py: str, fake_master: FakeMaster, word: str, outcome: str
) -> None:
    fake_master.states, fake_master.logs = [word], {"stdout": TRACEBACK}

    result = run("submit", app_py)

    assert result.exit_code == 1
    assert outcome in result.stderr.splitlines()[-1]


def test_a_forgotten_driver_is_a_1_and_never_submitted_again(
    run: Run, app_py: str, fake_master: FakeMaster
) -> None:
    def forget(request: Request) -> Answer | None:
        known = "/status/" not in request.path
        return None if known else Answer(body={"action": "…", "success": False})

    fake_master.disturb = forget

    result = run("submit", app_py)

    assert result.exit_code == 1
    assert "is lost: the master no longer lists this driver" in result.stderr
    assert len(fake_master.drivers) == 1


def test_no_wait_prints_the_id_and_asks_nothing_more(
    run: Run, app_py: str, fake_master: FakeMaster
) -> None:
    result = run("submit", "--no-wait", app_py)

    assert result.exit_code == 0
    assert result.stdout == "driver-20261120082239-0000\n"
    assert fake_master.requests[-1].path == "/v1/submissions/create"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere.py",), "Invalid APPLICATION='nowhere.py': there is no file"),
        (("http://host/app.txt",), "expected a file that ends in .py or .jar"),
        (("http://host/app.jar",), "a JAR needs the name of its main class"),
        (("--py-files", "gone.zip", "http://host/app.py"), "Invalid --py-files='gone.zip'"),
        (("--conf", "spark.cores.max", "http://host/app.py"), "expected KEY=VALUE"),
        (("--conf", "cores=1", "http://host/app.py"), "start with 'spark.'"),
        (
            ("--conf", "spark.driver.memory=much", "http://host/app.py"),
            "expected a size with a unit",
        ),
        (("--conf", "spark.submit.deployMode=client", "http://host/app.py"), "cluster mode"),
        (("--master", "yarn", "http://host/app.py"), "Invalid --master='yarn'"),
        (("--nonsense", "http://host/app.py"), "No such option"),
    ],
)
def test_bad_usage_ends_with_2_before_anything_is_sent(
    run: Run, fake_master: FakeMaster, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run("submit", *arguments)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert fake_master.requests == []


def test_the_second_master_is_asked_when_the_first_is_away(
    run: Run, app_py: str, fake_master: FakeMaster, closed_port: int
) -> None:
    rest = f"http://127.0.0.1:{closed_port},{fake_master.url}"

    result = run("submit", "--master", "spark://a:7077,b:7077", "--rest", rest, app_py)

    assert result.exit_code == 0
    assert arguments_of(fake_master)[:2] == ["--master", "spark://a:7077,b:7077"]


def test_a_driver_whose_id_was_lost_on_its_way_is_found_and_followed(
    run: Run, app_py: str, fake_master: FakeMaster
) -> None:
    def answer_lost(request: Request) -> Answer | None:
        if not request.path.endswith("create"):
            return None
        fake_master._create(request)
        return Answer(hang_up=True)

    fake_master.states, fake_master.disturb = ["RUNNING", "FINISHED"], answer_lost
    result = run("submit", app_py)

    assert result.exit_code == 0
    assert result.stdout == "driver-20261120082239-0000\n"
    assert "the request may have arrived" in result.stderr
    assert len(fake_master.drivers) == 1


JOB = SparkJob.from_application("local:/app.py")
LOST = Answer(hang_up=True)


def drivers_of(master: FakeMaster, ui: str | None = None) -> MasterJobs:
    """As the command line asks them, without a pause to wait for."""
    timing = SubmitTiming(patience=0.0, grace=0.2, look_every=0.05)
    return MasterJobs(
        "spark://h:7077", rest_urls=[master.url], ui_urls=[ui or master.url], timing=timing
    )


def test_a_request_that_was_lost_is_an_error_once_it_is_certain_that_there_is_no_driver(
    fake_master: FakeMaster,
) -> None:
    """The master's page is read for a while; nothing is submitted a second time."""
    fake_master.disturb = lambda request: LOST if request.path.endswith("create") else None

    with pytest.raises(ServerUnreachable):
        drivers_of(fake_master).submit(JOB, "f" * 32)

    paths = [each.path for each in fake_master.requests]
    assert paths.count("/v1/submissions/create") == 1
    assert paths.count("/json/") > 1


def test_a_request_whose_driver_cannot_be_looked_for_is_undecided_with_the_tag(
    fake_master: FakeMaster, closed_port: int
) -> None:
    fake_master.disturb = lambda request: LOST if request.path.endswith("create") else None
    drivers = drivers_of(fake_master, ui=f"http://127.0.0.1:{closed_port}")

    with pytest.raises(UndecidedSubmission) as caught:
        drivers.submit(JOB, "f" * 32)

    assert "may or may not have been submitted" in str(caught.value)
    assert f"look for spark.libra.tag={'f' * 32}" in str(caught.value)


def test_an_interrupt_while_a_driver_is_looked_for_kills_it(
    start: Start, app_py: str, fake_master: FakeMaster
) -> None:
    """It was made, its answer was lost, and it appears on the master's page a little later."""
    looked = threading.Event()

    def appears_late(request: Request) -> Answer | None:
        if request.path.endswith("create"):
            return LOST
        if request.path == "/json/" and not fake_master.drivers:
            creation = next(e for e in fake_master.requests if e.path.endswith("create"))
            process.send_signal(signal.SIGINT)
            fake_master._create(creation)
            looked.set()
            return Answer(503, "")
        return None

    fake_master.states, fake_master.disturb = ["RUNNING"], appears_late
    process = start("submit", app_py)
    looked.wait()
    process.communicate()

    [driver] = fake_master.drivers.values()
    assert process.returncode == 130
    assert driver.killed


@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_kills_the_driver_and_ends_with_130(
    start: Start, app_py: str, fake_master: FakeMaster, interrupt: signal.Signals
) -> None:
    fake_master.states = ["RUNNING"]
    process = start("submit", app_py)
    assert process.stderr is not None
    process.stderr.readline()

    process.send_signal(interrupt)
    _, stderr = process.communicate()

    [driver] = fake_master.drivers.values()
    assert process.returncode == 130
    assert driver.killed
    assert stderr.endswith("driver-20261120082239-0000 ended: killed\n")


def test_an_interrupt_between_request_and_answer_leaves_no_driver_behind(
    start: Start, app_py: str, fake_master: FakeMaster
) -> None:
    """Its id is not known yet; the interrupt waits for it."""
    arrived, go_on = threading.Event(), threading.Event()

    def hesitate(request: Request) -> None:
        if request.path.endswith("create"):
            arrived.set()
            go_on.wait()

    fake_master.states, fake_master.disturb = ["RUNNING"], hesitate
    process = start("submit", app_py)
    arrived.wait()

    process.send_signal(signal.SIGINT)
    go_on.set()
    process.communicate()

    [driver] = fake_master.drivers.values()
    assert process.returncode == 130
    assert driver.killed


def test_a_terminal_sees_the_seconds_run(
    servers: dict[str, str], app_py: str, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "libra_provider.cli", "submit", app_py]
    with subprocess.Popen(command, env=servers | {"TERM": "xterm"}, stderr=theirs, cwd=tmp_path):
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)

    assert b"0:00:0" in shown
    assert b"succeeded after" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when nobody holds the other end any more
        return b""
