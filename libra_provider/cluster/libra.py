"""Libra as a process on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from libra_provider.cluster.http_probe import fetch
from libra_provider.cluster.ports import LOOPBACK, check_free, with_free_ports
from libra_provider.cluster.process import ManagedProcess
from libra_provider.cluster.startable import Startable

_FOREIGN = ("SPARK_", "PYSPARK_", "LIBRA_", "AIRFLOW")


class LocalLibra(Startable):
    """Libra on *master_url*, with its own token; a context manager that leaves nothing behind.

    ``url``, ``host``, ``port`` and ``token`` are what a connection needs. *spark* contains further
    Spark properties, *settings* further settings by name. ``data_dir`` is removed at the end unless
    it was given; ``process`` can be stopped, killed and restarted. Raises ServerUnreachable, with
    the end of Libra's log, if it does not start.
    """

    host = LOOPBACK

    def __init__(
        self,
        master_url: str,
        *,
        spark: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        data_dir: Path | None = None,
        port: int | None = None,
    ) -> None:
        self.master_url = master_url
        self.token = secrets.token_urlsafe(24)
        self._spark = dict(spark or {})
        self._settings = dict(settings or {})
        self._given_dir, self._given_port = data_dir, port
        self._undo = contextlib.ExitStack()

    def start(self) -> Self:
        """Start it; on return its driver accepts statements."""
        if self._given_port is not None:
            check_free(self._given_port)
        with contextlib.ExitStack() as undo:
            self.data_dir = self._given_dir or Path(tempfile.mkdtemp(prefix="libra-data-"))
            if self._given_dir is None:
                undo.callback(shutil.rmtree, self.data_dir, ignore_errors=True)
            self.process = with_free_ports(self._start_process, 1)
            undo.callback(self.process.stop)
            self._undo = undo.pop_all()
        return self

    def connection(self) -> dict[str, Any]:
        """Return the JSON form of an Airflow connection of type ``libra``."""
        return {
            "conn_type": "libra",
            "host": self.host,
            "port": self.port,
            "schema": "http",
            "password": self.token,
        }

    def stop(self) -> None:
        """Stop it with its driver; does nothing if it is stopped already."""
        self._undo.close()

    def _start_process(self, free: list[int]) -> ManagedProcess:
        self.port = self._given_port or free[0]
        self.url = f"http://{self.host}:{self.port}"
        flags = {
            "--host": self.host,
            "--port": str(self.port),
            "--master": self.master_url,
            "--data-dir": str(self.data_dir),
        }
        serve = [sys.executable, "-m", "libra_provider.cli", "serve"]
        return ManagedProcess(
            [*serve, *(word for flag in flags.items() for word in flag)],
            name="Libra",
            log_file=self.data_dir / "libra.log",
            ready=self._is_ready,
            env=self._environment(),
            cwd=self.data_dir,
            url=self.url,
        ).start()

    def _is_ready(self) -> bool:
        answer = fetch(f"{self.url}/readyz")
        return answer is not None and answer[0] == 200

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        further = {f"LIBRA_{name.upper()}": value for name, value in self._settings.items()}
        return kept | {
            "LIBRA_TOKEN": self.token,
            "LIBRA_SPARK_CONF": json.dumps(self._spark),
            "SPARK_LOCAL_IP": LOOPBACK,
            "PYSPARK_PYTHON": sys.executable,
            **further,
        }
