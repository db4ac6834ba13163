"""What a stranger sees first: one line for what is missing, and one installation."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("awk", "bash", "cat", "cksum", "cut", "env", "grep", "make", "rm", "sed", "sh", "touch")


class Machine:
    """A clone of the build files on a machine that has only what a test gives it."""

    def __init__(self, folder: Path) -> None:
        self.clone, self.bin, self.calls = folder / "clone", folder / "bin", folder / "calls"
        self.bin.mkdir()
        shutil.copytree(ROOT / "scripts", self.clone / "scripts")
        for name in ("Makefile", "requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.clone)
        for name in TOOLS:
            found = shutil.which(name)
            assert found, name
            (self.bin / name).symlink_to(found)

    def has(self, command: str, script: str) -> None:
        """Give it *command*, a line of shell; each call of it is noted."""
        path = self.bin / command if "/" not in command else self.clone / command
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "$*" >> {self.calls}\n{script}\n')
        path.chmod(0o755)

    def make(self, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", target],
            cwd=self.clone,
            env={"PATH": str(self.bin)} | variables,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


JAVA_17 = """echo 'openjdk version "17.0.15" 2025-04-15' >&2"""
GET_JAVA = (
    "Java 17 or newer is required; install it with 'apt-get install openjdk-17-jdk-headless'."
)
GET_PYTHON = (
    "Python 3.11 or newer is required; "
    "install it with 'apt-get install python3.11 python3.11-venv'."
)
GET_VENV = (
    "The module venv of Python 3.12 is required; install it with 'apt-get install python3.12-venv'."
)


def said(result: subprocess.CompletedProcess[str]) -> list[str]:
    """Its lines, without make's own last one."""
    lines = (result.stdout + result.stderr).splitlines()
    return [line for line in lines if not line.startswith("make: ***")]


@pytest.mark.parametrize("target", ["demo", "demo-ui", "test", "test-all"])
def test_a_missing_java_is_one_line_before_anything_is_installed(
    machine: Machine, target: str
) -> None:
    result = machine.make(target)

    assert said(result) == [GET_JAVA]
    assert result.returncode == 2


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2"])
def test_a_java_that_is_too_old_counts_as_missing(machine: Machine, version: str) -> None:
    machine.has("java", f"""echo 'openjdk version "{version}"' >&2""")

    assert said(machine.make("demo")) == [GET_JAVA]


def test_java_home_wins_over_path(machine: Machine, tmp_path: Path) -> None:
    machine.has("java", JAVA_17)

    assert said(machine.make("demo", JAVA_HOME=str(tmp_path / "nowhere"))) == [GET_JAVA]


@pytest.mark.parametrize("python", [None, "exit 1"])
def test_a_missing_or_too_old_python_is_one_line(machine: Machine, python: str | None) -> None:
    machine.has("java", JAVA_17)
    if python:
        machine.has("python3", python)

    assert said(machine.make("demo")) == [GET_PYTHON]


def test_a_python_without_venv_is_one_line(machine: Machine) -> None:
    machine.has("java", JAVA_17)
    machine.has("python3.12", 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.12;; esac')

    assert said(machine.make("demo")) == [GET_VENV]


def test_the_second_run_installs_nothing(machine: Machine) -> None:
    machine.has("java", JAVA_17)
    machine.has(".venv/bin/python", "exit 0")
    first, second = machine.make("demo"), machine.make("demo")
    calls = machine.calls.read_text().splitlines()

    assert (first.returncode, second.returncode) == (0, 0)
    assert [call.split()[1] for call in calls if call.startswith("-m")] == [
        *("pip", "pip", "demo"),
        "demo",
    ]


def test_a_new_lock_file_is_installed(machine: Machine) -> None:
    machine.has("java", JAVA_17)
    machine.has(".venv/bin/python", "exit 0")
    machine.make("demo")
    with (machine.clone / "requirements.lock").open("a") as lock:
        lock.write("another==1.0\n")
    machine.make("demo")

    assert machine.calls.read_text().count("requirements.lock") == 2


def test_a_failed_installation_is_tried_again(machine: Machine) -> None:
    machine.has("java", JAVA_17)
    machine.has(".venv/bin/python", "exit 1")
    failed = machine.make("demo")
    machine.has(".venv/bin/python", "exit 0")
    again = machine.make("demo")

    assert (failed.returncode, again.returncode) == (2, 0)


def test_help_names_every_target_a_person_needs(machine: Machine) -> None:
    named = {line.split()[1] for line in said(machine.make("help"))}

    assert named == {
        *("help", "demo", "demo-ui", "check", "test", "test-all", "bench", "chaos", "lock", "clean")
    }
