"""Whatever was started is gone afterwards, however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from libra_provider.cluster.ports import check_free, free_port, free_ports, is_listening
from libra_provider.cluster.process import ManagedProcess, stop_all
from libra_provider.core.errors import BadInput, ServerUnreachable

# A parent, a child that ignores SIGTERM in a separate session, and a double-forked grandchild.
FAMILY = """
(setsid sleep 600 & echo $! >> {pids})
setsid bash -c 'trap "" TERM; echo $$ >> {pids}; while :; do sleep 0.1; done' &
echo $$ >> {pids}
sleep 600
"""


def family(folder: Path, *, grace: float = 0.5) -> ManagedProcess:
    pids = folder / "pids"
    return ManagedProcess(
        ["bash", "-c", FAMILY.format(pids=pids)],
        name="family",
        log_file=folder / "family.log",
        ready=lambda: pids.exists() and len(pids.read_text().split()) == 3,
        grace=grace,
    )


def members(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def all_gone(pids: list[int], within: float = 120) -> bool:
    gives_up_at = time.monotonic() + within
    while alive(pids) and time.monotonic() < gives_up_at:
        time.sleep(0.05)
    return not alive(pids)


def test_stop_ends_children_that_left_the_group_and_ignore_sigterm(tmp_path: Path) -> None:
    process = family(tmp_path).start()
    before = alive(members(tmp_path))

    process.stop()

    assert len(before) == 3
    assert alive(members(tmp_path)) == []
    assert not process.is_alive


def test_leaving_the_with_block_by_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), family(tmp_path):
        _ = 1 / 0

    assert alive(members(tmp_path)) == []


def test_a_killed_command_takes_its_descendants_with_it(tmp_path: Path) -> None:
    with family(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        gone = all_gone(members(tmp_path))

    assert gone
    assert process.exit_code == 128 + signal.SIGKILL


def test_everything_ends_when_the_one_who_asked_is_killed(tmp_path: Path) -> None:
    """The start is done by a thread that has ended: PR_SET_PDEATHSIG alone would end it early."""
    asker = f"""
import sys, threading, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_process import family
thread = threading.Thread(target=lambda: family(Path({str(tmp_path)!r})).start())
thread.start(); thread.join()
print("started", flush=True)
time.sleep(600)
"""
    command = [sys.executable, "-c", asker]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout
        said = process.stdout.readline()
        before = alive(members(tmp_path))
        process.kill()

    assert said == "started\n"
    assert len(before) == 3
    assert all_gone(members(tmp_path))


def test_an_early_end_is_told_with_the_last_lines_and_without_secrets(tmp_path: Path) -> None:
    process = ManagedProcess(
        ["bash", "-c", "echo first; echo api_token=hunter2; exit 3"],
        name="Libra",
        log_file=tmp_path / "libra.log",
        ready=lambda: False,
    )

    with pytest.raises(ServerUnreachable) as failure:
        process.start()

    assert "Libra: it ended with exit code 3" in str(failure.value)
    assert f"{tmp_path}/libra.log:\nfirst\napi_token=***" in str(failure.value)


def test_a_process_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    process = ManagedProcess(
        ["sleep", "600"], name="slow", log_file=tmp_path / "log", ready=lambda: False
    )

    with pytest.raises(ServerUnreachable, match=r"slow: it was not ready after 0 s"):
        process.start(within=0.1)

    assert not process.is_alive


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    process = ManagedProcess(["/no/such/command"], name="Spark", log_file=tmp_path / "log")

    with pytest.raises(ServerUnreachable, match=r"it could not be started: .*/no/such/command"):
        process.start()


def test_a_stopped_process_can_be_started_again(tmp_path: Path) -> None:
    process = ManagedProcess(["sleep", "600"], name="again", log_file=tmp_path / "log")
    with process:
        first = process.pid
    with process:
        second = process.pid

    assert first != second
    assert alive([first, second]) == []


def test_stop_all_stops_all(tmp_path: Path) -> None:
    processes = [
        ManagedProcess(["sleep", "600"], name=str(n), log_file=tmp_path / "log").start()
        for n in range(3)
    ]

    stop_all(processes)

    assert [each.is_alive for each in processes] == [False] * 3


def test_a_taken_port_is_refused_by_number() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        assert is_listening(port)
        with pytest.raises(BadInput, match=rf"ui_port={port}: .*in use; choose another port"):
            check_free(port, parameter="ui_port")


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert not any(is_listening(port) for port in ports)
    assert check_free(free_port())


def test_an_interrupted_start_stops_what_it_started(tmp_path: Path) -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    process = ManagedProcess(
        ["sleep", "600"], name="slow", log_file=tmp_path / "log", ready=interrupt
    )
    with pytest.raises(KeyboardInterrupt):
        process.start()

    assert process.pid
    assert alive([process.pid]) == []


def test_a_command_that_fails_is_no_success(tmp_path: Path) -> None:
    done = ManagedProcess(["true"], name="migration", log_file=tmp_path / "log")
    failing = ManagedProcess(["false"], name="migration", log_file=tmp_path / "log")
    done.run_to_end()

    with pytest.raises(ServerUnreachable, match="migration: it ended with exit code 1"):
        failing.run_to_end()
