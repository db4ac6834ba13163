from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.server.api.test_statements import AT_ONCE, WAIT, status, submit
from tests.server.conftest import MakeLibra
from tests.server.running import RunningLibra


def host_of(api: RunningLibra, data_dir: Path) -> int:
    """The process id of the present driver host."""
    api.ready()
    mark = f"{data_dir}/run/".encode()
    [pid] = [int(each.name) for each in Path("/proc").glob("[0-9]*") if mark in command_of(each)]
    return pid


def command_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def test_a_driver_that_does_not_answer_gets_nothing_until_it_does(api: RunningLibra) -> None:
    api.ready()
    gate = api.folder / "gate"
    running = submit(api, f"stall {gate}", AT_ONCE)
    said = api.ready(code=503)
    waiting = submit(api, "rows 2", AT_ONCE)
    health = api.get("/api/v1/health").json()
    gate.touch()
    api.ready()
    ended = [status(api, each["jobId"]) for each in (running, waiting)]

    assert "the driver or its JVM has stalled" in said
    assert "has stalled" in health["spark"]["error"]
    assert waiting["state"] == "PENDING"
    assert [each["state"] for each in ended] == ["SUCCESS", "SUCCESS"]
    assert [each["driver"]["epoch"] for each in ended] == [1, 1]


def test_a_host_that_was_stopped_and_goes_on_keeps_its_statements(
    api: RunningLibra, tmp_path: Path
) -> None:
    host = host_of(api, tmp_path)
    running = submit(api, "hang", AT_ONCE)["jobId"]
    os.kill(host, signal.SIGSTOP)
    api.ready(code=503)
    api.delete(f"/api/v1/statements/{running}")
    os.kill(host, signal.SIGCONT)

    assert status(api, running)["state"] == "CANCELLED"
    assert submit(api, "rows 1", WAIT)["driver"]["epoch"] == 1


def test_a_stalled_driver_does_not_keep_libra_from_stopping(make_libra: MakeLibra) -> None:
    with make_libra() as api:
        api.ready()
        running = submit(api, "stall", AT_ONCE)["jobId"]
        api.ready(code=503)
    with make_libra() as api:
        assert status(api, running)["state"] == "LOST"
        assert "Libra was stopped" in status(api, running)["error"]
