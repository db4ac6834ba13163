"""The real command, against servers on real ports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from libra_provider.cli import app
from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.spark_master import FakeMaster

Run = Callable[..., Result]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def fake_libra() -> Iterator[FakeLibra]:
    with FakeLibra() as running:
        yield running


@pytest.fixture
def fake_master() -> Iterator[FakeMaster]:
    with FakeMaster() as running:
        yield running


@pytest.fixture
def servers(fake_libra: FakeLibra, fake_master: FakeMaster) -> dict[str, str]:
    """The variables that lead the command to the fakes."""
    return {
        "LIBRA_URL": fake_libra.url,
        "LIBRA_TOKEN": TOKEN,
        "LIBRA_MASTER": "spark://127.0.0.1:7077",
        "LIBRA_MASTER_REST": fake_master.url,
        "LIBRA_MASTER_UI": fake_master.url,
    }


@pytest.fixture
def run(servers: dict[str, str]) -> Run:
    """Run the command to its end; keywords are further variables."""

    def run(*arguments: str, **variables: str) -> Result:
        return CliRunner().invoke(app, arguments, env=servers | variables)

    return run


@pytest.fixture
def start(servers: dict[str, str]) -> Iterator[Start]:
    """Start the command as a separate process."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "libra_provider.cli", *arguments],
            env=servers,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
