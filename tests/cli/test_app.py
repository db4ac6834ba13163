from __future__ import annotations

import subprocess
import sys

import pytest

from libra_provider import __version__
from libra_provider.cli.app import COMMANDS
from tests.cli.conftest import Run

HEAVY = (
    *("airflow", "pyspark", "fastapi", "sqlalchemy", "pandas", "requests", "aiohttp", "rich"),
    *("libra_provider.server", "libra_provider.cluster", "libra_provider.clients"),
    "libra_provider.cli.sql",
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_imports_nothing_heavy() -> None:
    """It takes as long as Python and Typer, which cost less than any of these."""
    said = python(
        "import atexit, sys, libra_provider.cli as cli; sys.argv = ['libra', '--help']\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "cli.main()"
    )
    loaded = said.stderr.split()

    assert all(f" {name} " in said.stdout for name in COMMANDS)
    assert "libra_provider.cli.app" in loaded
    assert set(loaded).isdisjoint(HEAVY)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(run: Run, name: str) -> None:
    result = run(name, "--help")

    assert result.exit_code == 0
    assert f" {name} [OPTIONS]" in result.stdout


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "libra_provider.cli", "--version"]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said == f"libra {__version__}\n"


def test_serve_without_its_extra_says_what_to_install() -> None:
    said = python(
        "import sys; sys.modules['fastapi'] = None; sys.argv = ['libra', 'serve']\n"
        "from libra_provider.cli import main; main()"
    )

    assert said.returncode == 1
    assert said.stderr == (
        "libra serve requires fastapi, which is not installed: "
        "pip install 'airflow-provider-libra[server]'\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("cluster", "--memory", "2048"), "Invalid --memory='2048'"),
        (("cluster", "--workers", "-1"), "Invalid --workers=-1"),
        (
            ("serve", "--master", "mesos://m:5050"),
            "Invalid --master='mesos://m:5050': Mesos was removed in Spark 4",
        ),
        (("serve", "--host", "0.0.0.0", "--token", ""), "expected printable ASCII without spaces"),
        (("nonsense",), "No such command"),
    ],
)
def test_bad_usage_ends_with_2(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert sentence in result.stderr
