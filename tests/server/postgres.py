"""A PostgreSQL from Debian's packages, on a Unix socket only, that a test may stop and start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import pytest

USER = "postgres"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parts[-2]))


class Postgres:
    """A context manager; skips the test where PostgreSQL is not installed."""

    def __init__(self) -> None:
        if not BINARIES or not (BINARIES[-1] / "initdb").exists():
            pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="libra-postgres-", dir="/tmp"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, USER, USER)
        initdb = [
            "initdb",
            "-D",
            str(self._folder / "data"),
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        subprocess.run(self._command(*initdb, "--no-sync"), check=True, stdout=subprocess.DEVNULL)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(how=signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        """A ledger's URL, for a database that is new to it."""
        self._sql(f'CREATE DATABASE "{database}"')
        return f"postgresql+psycopg://{USER}@/{database}?host={self._folder}"

    def start(self) -> None:
        """Start it; on return it answers."""
        command = ["postgres", "-D", str(self._folder / "data"), "-k", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                self._command(*command, "-c", "listen_addresses=", "-c", "fsync=off"),
                stdout=log,
                stderr=log,
            )
        for _ in range(1200):
            if self._sql("SELECT 1", check=False) == 0:
                return
            time.sleep(0.1)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it at once, even with open connections."""
        if self._server:
            self._server.send_signal(how)
            self._server.wait(120)
            self._server = None

    def _sql(self, text: str, *, check: bool = True) -> int:
        psql = [str(BINARIES[-1] / "psql"), "-h", str(self._folder), "-U", USER, "-qc", text]
        return subprocess.run(psql, check=check, capture_output=True).returncode

    @staticmethod
    def _command(program: str, *arguments: str) -> list[str]:
        # PostgreSQL refuses to run as root; and it must not outlive a test run that is killed.
        user = ["--reuid", USER, "--regid", USER, "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *user, "--pdeathsig", "INT", str(BINARIES[-1] / program), *arguments]
