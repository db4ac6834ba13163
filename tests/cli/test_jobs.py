from __future__ import annotations

import pytest

from tests.cli.conftest import Run
from tests.fakes.libra import WORKER, FakeLibra
from tests.fakes.server import Request
from tests.fakes.spark_master import FakeMaster


@pytest.fixture
def driver_id(run: Run, fake_master: FakeMaster) -> str:
    """A driver that runs for ever."""
    fake_master.states = ["RUNNING"]
    return run("submit", "--no-wait", "http://host/app.py").stdout.strip()


def test_status_of_a_driver_says_on_which_worker_it_runs(run: Run, driver_id: str) -> None:
    result = run("status", driver_id)

    assert result.exit_code == 0
    assert "running" in result.stdout
    assert "on worker worker-20261120082230-127.0.0.1-7078 at 127.0.0.1" in result.stdout


def test_status_of_a_statement_is_asked_at_libra(run: Run, fake_libra: FakeLibra) -> None:
    run("sql", "SELECT 1")

    result = run("status", "statement-0")

    assert result.exit_code == 0
    assert "succeeded" in result.stdout
    assert "on Libra's shared driver at 127.0.0.1" in result.stdout
    assert "app-1" in result.stdout
    assert fake_libra.requests[-1].path.endswith("/statement-0")


def test_status_says_whose_driver_runs_a_statement(run: Run) -> None:
    run("run", "/jobs/etl.py", "--deploy-mode", "cluster")
    run("python", "1")

    own, shared = run("status", "statement-0").stdout, run("status", "statement-1").stdout

    assert "python-file" in own
    assert "isolated, cluster" in own
    assert "on worker w-1 at 127.0.0.1" in own
    assert WORKER in own
    assert "shared" in shared
    assert "client" not in shared


def test_logs_of_a_statement_are_followed_to_their_end(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.logs = {"stdout": "one\n" * 200 + "last", "stderr": "careful\n"}
    job_id = run("run", "/jobs/etl.py", "--no-wait").stdout.strip()

    whole = run("logs", "-f", job_id)
    fake_libra.statements[job_id].asked = 0
    errors = run("logs", "-f", job_id, "--stream", "stderr")

    assert whole.exit_code == 0
    assert whole.stdout.count("[stdout] one\n") == 200
    assert {"[stdout] last", "[stderr] careful"} <= set(whole.stdout.splitlines())
    assert errors.stdout == "careful\n"


def test_logs_of_what_runs_end_with_what_is_there(run: Run, fake_libra: FakeLibra) -> None:
    fake_libra.states, fake_libra.logs = ["RUNNING"], {"stdout": "one\n"}
    job_id = run("run", "/jobs/etl.py", "--no-wait").stdout.strip()

    assert run("logs", job_id).stdout == "[stdout] one\n"


def test_logs_of_what_never_stops_printing_end_all_the_same(
    run: Run, fake_libra: FakeLibra
) -> None:
    def print_another_line(request: Request) -> None:
        if "stdout" in request.path:
            fake_libra.logs["stdout"] += "more\n"

    fake_libra.states, fake_libra.logs = ["RUNNING"] * 9 + ["FAILED"], {"stdout": "one\n" * 50}
    fake_libra.disturb = print_another_line
    job_id = run("run", "/jobs/etl.py", "--no-wait").stdout.strip()

    result = run("logs", job_id)

    assert result.stdout.count("[stdout] one\n") == 50
    assert fake_libra.statements[job_id].asked == 3


def test_logs_of_a_statement_that_nobody_knows_are_a_1(run: Run) -> None:
    result = run("logs", "nobody")

    assert result.exit_code == 1
    assert result.stderr == "nobody is lost: Statement nobody is unknown here.\n"


def test_a_stream_that_is_none_is_bad_usage(run: Run, fake_libra: FakeLibra) -> None:
    result = run("logs", "statement-0", "--stream", "stdin")

    assert (result.exit_code, fake_libra.requests) == (2, [])
    assert "Invalid --stream='stdin': expected stdout or stderr." in result.stderr


def test_status_needs_no_master_for_a_statement(run: Run) -> None:
    result = run("status", "nobody", LIBRA_MASTER="")

    assert result.exit_code == 0
    assert "lost" in result.stdout
    assert "Statement nobody is unknown here." in result.stdout


def test_kill_returns_once_the_driver_is_seen_to_have_ended(
    run: Run, driver_id: str, fake_master: FakeMaster
) -> None:
    result = run("kill", driver_id)

    assert result.exit_code == 0
    assert fake_master.drivers[driver_id].killed
    assert result.stderr == f"{driver_id} ended: killed\n"


def test_kill_of_an_ended_job_says_how_it_ended(run: Run) -> None:
    ended = run("submit", "http://host/app.py").stdout.strip()

    result = run("kill", ended)

    assert result.exit_code == 0
    assert result.stderr == f"{ended} ended: succeeded\n"


def test_kill_of_a_driver_that_the_master_forgot_is_a_1(run: Run) -> None:
    result = run("kill", "driver-20990101000000-0000")

    assert result.exit_code == 1
    assert "its process may still run" in result.stderr


def test_an_id_that_is_none_is_not_sent(run: Run, fake_master: FakeMaster) -> None:
    result = run("kill", "driver-../killall")

    assert result.exit_code == 1
    assert fake_master.requests == []


def test_a_driver_without_a_master_to_ask_is_bad_usage(run: Run) -> None:
    result = run("status", "driver-1", LIBRA_MASTER="")

    assert result.exit_code == 2
    assert "here or in LIBRA_MASTER" in result.stderr
