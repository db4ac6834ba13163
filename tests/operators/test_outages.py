"""A server that is away for less than the patience costs nothing but waiting, at every step."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fakes.connections import connect
from tests.fakes.libra import FakeLibra, problem
from tests.fakes.proxy import Proxy
from tests.fakes.server import Answer, Request
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner
from tests.operators.test_generations import Etl
from tests.operators.test_statement import top_products

both_ways = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])


def away_for(times: int, part: Callable[[Request], bool]) -> Callable[[Request], Answer | None]:
    """Hang up on the first requests that are of *part*."""
    left = iter(range(times))

    def disturb(request: Request) -> Answer | None:
        return Answer(hang_up=True) if part(request) and next(left, None) is not None else None

    return disturb


def run(runner: TaskRunner, task: Callable[..., Any], **fields: Any) -> Any:
    result = runner.run(task(**fields))
    return runner.resume(task(**fields)) if result.state == "deferred" else result


@pytest.fixture
def starts_later(master: FakeMaster, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing listens on the REST port until the task has said so."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    port = held.getsockname()[1]
    extra = {"rest_urls": f"http://127.0.0.1:{port}", "ui_urls": master.url}
    connect("spark_master_default", conn_type="spark_master", extra=extra)
    over = threading.Event()
    with contextlib.ExitStack() as later:

        def start() -> None:
            while not any("connection refused" in each for each in caplog.messages):
                if over.wait(0.05):
                    break
            held.close()
            later.enter_context(Proxy(master.port, listens_on=port))

        starting = threading.Thread(target=start)
        starting.start()
        yield
        over.set()
        starting.join()


@both_ways
@pytest.mark.usefixtures("starts_later")
def test_a_master_that_is_not_up_yet_is_waited_for(
    master: FakeMaster, runner: TaskRunner, deferrable: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "libra_provider"):
        result = run(runner, Etl, deferrable=deferrable)

    assert result.state == "success"
    assert len(master.drivers) == 1
    assert any("connection refused" in m and "retrying in" in m for m in caplog.messages)


@both_ways
def test_a_libra_that_goes_away_at_any_step_is_waited_for(
    libra: FakeLibra, runner: TaskRunner, deferrable: bool
) -> None:
    """Greeting, submission, each look and the result: every second request is hung up on."""
    count = iter(range(1_000_000))
    libra.disturb = lambda _: Answer(hang_up=True) if next(count) % 2 == 0 else None
    result = run(runner, top_products, deferrable=deferrable)

    assert result.state == "success"
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert len(libra.statements) == 1


def test_a_result_is_waited_for(libra: FakeLibra, runner: TaskRunner) -> None:
    libra.disturb = away_for(2, lambda request: "/result" in request.path)
    result = run(runner, top_products)

    assert result.state == "success"
    assert runner.xcoms["return_value"] == [{"n": 1}]


def test_a_result_that_stays_away_is_fetched_by_the_next_try(
    libra: FakeLibra, runner: TaskRunner
) -> None:
    libra.disturb = away_for(1, lambda request: "/result" in request.path)
    first = run(runner, top_products, patience=0.1)
    second = run(runner, top_products)

    assert (first.state, second.state) == ("up_for_retry", "success")
    assert runner.xcoms["return_value"] == [{"n": 1}]
    assert len(libra.statements) == 1


@both_ways
def test_a_master_that_is_away_when_a_retry_begins_is_waited_for(
    master: FakeMaster, runner: TaskRunner, deferrable: bool
) -> None:
    """What it says then decides: rejoining blindly would cost this try if the driver had failed."""
    master.states = ["FAILED"]
    runner.run(Etl(deferrable=True))
    master.states = ["RUNNING", "FINISHED"]
    master.disturb = away_for(2, lambda request: "/status/" in request.path)
    result = run(runner, Etl, deferrable=deferrable)

    assert result.state == "success"
    assert len(master.drivers) == 2


def test_a_master_that_is_away_when_a_cleared_task_begins_is_waited_for(
    master: FakeMaster, runner: TaskRunner
) -> None:
    master.states = ["RUNNING"]
    runner.run(Etl(deferrable=True))
    runner.clear()
    master.states = ["RUNNING", "FINISHED"]
    master.disturb = away_for(2, lambda request: "/submissions/" in request.path)
    result = run(runner, Etl)
    old, new = master.drivers.values()

    assert result.state == "success"
    assert (old.killed, new.killed) == (True, False)


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_libra_refuses_end_the_task_at_once(
    libra: FakeLibra, runner: TaskRunner, status: int
) -> None:
    """The error does not take five minutes to appear."""
    libra.disturb = lambda _: problem(status, "Set the connection's password.")
    result = run(runner, top_products)

    assert result.state == "failed"
    assert "Set the connection's password" in str(result.error)
    assert "libra_job" not in runner.store


def test_credentials_that_a_master_refuses_end_the_task_at_once(
    master: FakeMaster, runner: TaskRunner
) -> None:
    page = Answer(403, "<title>Error 403 Authorization header is missing</title>")
    master.disturb = lambda request: page if request.method == "POST" else None
    result = run(runner, Etl)

    assert result.state == "failed"
    assert "it requires signed requests" in str(result.error)
    assert "libra_job" not in runner.store
