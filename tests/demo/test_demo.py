"""The demo itself, with everything real."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def demo(temp: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo, running; all it makes is below *temp*."""
    command = [sys.executable, "-u", "-m", "demo", *arguments]
    env = {**os.environ, "TMPDIR": str(temp)}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What it prints, up to the line with *words*."""
    said = ""
    for line in process.stdout or ():
        said += line
        if words in line:
            return said
    pytest.fail(f"{words!r} was not said:\n{said}")


def below(temp: Path) -> list[str]:
    """Processes that have *temp* in their command line or environment, but this one."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with contextlib.suppress(OSError):
                known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
                if str(temp).encode() in known:
                    found.append(process.name)
    return found


def all_gone(temp: Path, within: float = 120) -> bool:
    gives_up_at = time.monotonic() + within
    while below(temp) and time.monotonic() < gives_up_at:
        time.sleep(0.1)
    return not below(temp)


@pytest.mark.parametrize(
    ("number", "code", "leaves"),
    [
        pytest.param(signal.SIGINT, 130, 0, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, 0, marks=pytest.mark.slow),
        (signal.SIGKILL, -9, 1),
    ],
)
def test_nothing_keeps_running_when_the_demo_is_interrupted(
    tmp_path: Path, number: int, code: int, leaves: int
) -> None:
    """Spark runs and Libra is starting; a killed demo leaves its files, but no process."""
    with demo(tmp_path) as process:
        read_until(process, "Spark")
        started = len(below(tmp_path))
        process.send_signal(number)
        exit_code = process.wait(240)

    assert exit_code == code
    assert started >= 4
    assert all_gone(tmp_path)
    assert len(list(tmp_path.glob("libra-demo-*"))) == leaves


@pytest.mark.slow
def test_the_demo_shows_the_report_and_where_each_driver_ran(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        said = read_until(process, "Everything has been stopped.")
        exit_code = process.wait(240)

    assert exit_code == 0, said
    assert "ExpressJet Airlines Inc." in said
    assert "ISOLATED cluster" in said
    assert "on Libra's shared driver at 127.0.0.1" in said
    assert all_gone(tmp_path)
    assert list(tmp_path.glob("libra-demo-*")) == []
