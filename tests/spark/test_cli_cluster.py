"""``libra cluster`` as a user starts it; without workers, for the sake of speed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libra_provider.cluster.ports import is_listening

Command = subprocess.Popen[str]


@pytest.fixture
def cluster_command() -> Iterator[Command]:
    """The command, once it has said everything."""
    words = [sys.executable, "-m", "libra_provider.cli", "cluster", "--workers", "0"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("export"):
                break
        yield process
        process.terminate()


def table_of(process: Command) -> str:
    assert process.stdout is not None
    return os.read(process.stdout.fileno(), 65536).decode()


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


def children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return []


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:  # it has ended meanwhile
        return ""


@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_addresses_and_an_interrupt_stops_all_of_it(
    cluster_command: Command, interrupt: signal.Signals
) -> None:
    table = table_of(cluster_command)
    ports = [int(port) for port in re.findall(r"//127.0.0.1:(\d+)", table)]
    assert len(ports) == 3
    assert all(is_listening(port) for port in ports)

    cluster_command.send_signal(interrupt)
    _, stderr = cluster_command.communicate()

    assert cluster_command.returncode == 0
    assert stderr.endswith("Cluster stopped.\n")
    assert not any(is_listening(port) for port in ports)


def test_it_does_not_outlive_its_master(cluster_command: Command) -> None:
    # By name, because the JVM has short-lived helpers below it.
    java = next(pid for pid in descendants(cluster_command.pid) if name_of(pid) == "java")
    os.kill(java, signal.SIGKILL)

    _, stderr = cluster_command.communicate()

    assert cluster_command.returncode == 1
    assert "No response from Spark master: it exited with code 137" in stderr
