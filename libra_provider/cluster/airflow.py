"""A complete Airflow on this machine: its four components, as processes in their own home."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from libra_provider.cluster.airflow_api import AirflowApi
from libra_provider.cluster.http_probe import fetch_json
from libra_provider.cluster.ports import LOOPBACK, with_free_ports
from libra_provider.cluster.process import ManagedProcess, stop_all
from libra_provider.cluster.startable import Startable

_FOREIGN = ("AIRFLOW", "LIBRA_", "SPARK_", "PYSPARK_")
# Log servers are off (-s): all components share the folder, and they would listen on all addresses.
_COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


class LocalAirflow(Startable):
    """api-server, scheduler, dag-processor and triggerer with SQLite, in the private *home*.

    *connections* maps connection ids to their JSON form; *env* is the environment of all components
    and tasks. ``api`` is the REST API with the permissions of ``user``/``password``; ``url`` is the
    UI. Leaving the context stops the components and every task that they run. Raises
    ServerUnreachable, with the end of its log, for a component that does not start.
    """

    user = "admin"

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        *,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        env: Mapping[str, str] | None = None,
        parallelism: int = 8,
    ) -> None:
        self.home, self.dags_folder = home.resolve(), dags_folder.resolve()
        self.password = secrets.token_urlsafe(9)
        self.components: dict[str, ManagedProcess] = {}
        self._connections, self._env = dict(connections or {}), dict(env or {})
        self._parallelism = parallelism
        # Each component would generate its own.
        self._keys = {
            "API__SECRET_KEY": secrets.token_hex(16),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        self._undo = contextlib.ExitStack()

    def start(self) -> Self:
        """Start it; on return all components are healthy, and ``api`` is logged in."""
        with contextlib.ExitStack() as undo:
            self._prepare_home()
            with_free_ports(lambda ports: self._start_components(ports, undo), 2)
            self._undo = undo.pop_all()
        return self

    def stop(self) -> None:
        """Stop all components and their tasks; does nothing if they are stopped already."""
        self._undo.close()

    def _prepare_home(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        passwords = self.home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({self.user: self.password}))
        # Task processes are forked, so they need not import these again.
        settings = self.home / "config" / "airflow_local_settings.py"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text("import libra_provider.operators\nimport libra_provider.sensors\n")

    def _start_components(self, ports: list[int], undo: contextlib.ExitStack) -> None:
        port, closed_port = ports
        self.url = f"http://{LOOPBACK}:{port}"
        self.environment = self._environment(port, closed_port)
        self.components = {}
        with contextlib.ExitStack() as started:
            started.callback(lambda: stop_all(self.components.values()))
            if not (self.home / "airflow.db").exists():
                self._process("db migrate", ["db", "migrate"]).run_to_end()
            for name, arguments in _COMPONENTS.items():
                self.components[name] = self._process(name, arguments)
                self.components[name].launch()
            for component in self.components.values():
                component.wait_until_ready()
            # A single process serves the tasks as well: on a busy machine, responses take long.
            self.api = AirflowApi(self.url, user=self.user, password=self.password, timeout=180)
            undo.push(started.pop_all())

    def _process(self, name: str, arguments: list[str]) -> ManagedProcess:
        return ManagedProcess(
            [sys.executable, "-m", "airflow", *arguments],
            name=f"Airflow {name}",
            log_file=self.home / "logs" / f"{name.replace(' ', '-')}.log",
            ready=lambda: self._is_healthy(name),
            env=self.environment,
            cwd=self.home,
            # A scheduler waits for its running tasks, which should be ended here.
            grace=5,
            url=self.url,
        )

    def _is_healthy(self, name: str) -> bool:
        health = fetch_json(f"{self.url}/api/v2/monitor/health")
        part = "metadatabase" if name == "api-server" else name.replace("-", "_")
        return bool(health.get(part, {}).get("status") == "healthy")

    def _environment(self, port: int, closed_port: int) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        settings = self._keys | self._settings(port, closed_port)
        connections = {
            f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection)
            for name, connection in self._connections.items()
        }
        named = {f"AIRFLOW__{name}": value for name, value in settings.items()}
        return kept | {"AIRFLOW_HOME": str(self.home)} | named | connections | self._env

    def _settings(self, port: int, closed_port: int) -> dict[str, str]:
        return {
            "API__BASE_URL": self.url,
            "API__HOST": LOOPBACK,
            "API__PORT": str(port),
            "API__WORKERS": "1",
            # A busy machine exceeds the default of 30 s; then tasks fail without having run.
            "CORE__DAGBAG_IMPORT_TIMEOUT": "300",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__DAGS_FOLDER": str(self.dags_folder),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": str(self._parallelism),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{self.user}:admin",
            "CORE__TEST_CONNECTION": "Enabled",
            # Seconds to wait for a lock; SQLite's 5 are short on a busy machine.
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}?timeout=60",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            # While a task runs, Airflow also requests its log here. The default port may belong to
            # another Airflow on this machine; this one is closed.
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(closed_port),
            "LOGGING__WORKER_LOG_SERVER_PORT": str(closed_port),
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            # On a busy machine, the API may exceed the default of 5 seconds; after a few such
            # requests, tasks fail without having run.
            "WORKERS__EXECUTION_API_TIMEOUT": "60",
            # A supervisor may notice this late that its task was deferred or marked. If the task
            # resumes meanwhile, the scheduler mistakes the late report for one of the resumed
            # process and fails the task. The default is 5 seconds.
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }
