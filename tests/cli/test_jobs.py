from __future__ import annotations

import pytest

from tests.cli.conftest import Run
from tests.fakes.libra import FakeLibra
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
    assert "in Libra at 127.0.0.1" in result.stdout
    assert "app-1" in result.stdout
    assert fake_libra.requests[-1].path.endswith("/statement-0")


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
    assert "set LIBRA_MASTER" in result.stderr
