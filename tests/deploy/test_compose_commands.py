"""The command lines, variables and health checks of docker-compose.yml, run as processes.

Only PostgreSQL is left out (its image runs its own command): Airflow uses SQLite instead.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from libra_provider.cluster.airflow_api import AirflowApi
from libra_provider.cluster.http_probe import fetch, fetch_json
from libra_provider.cluster.java import java_home
from libra_provider.cluster.ports import with_free_ports
from libra_provider.cluster.process import ManagedProcess, stop_all
from libra_provider.cluster.standalone import spark_home
from libra_provider.core.errors import Rejected
from tests.deploy.compose import FILE, LOOPBACK, PORTS, Service, moved, read, variables_in

pytestmark = pytest.mark.slow  # all services at once
NOT_STARTED = "postgres"
PROGRAMS = ("airflow", "libra", "python3")
PATIENCE = 150  # seconds that a service may take to become healthy on a busy machine
BETWEEN_CHECKS = 0.5  # seconds: Docker has an interval, too, or checks would starve the checked
# What tasks have: the environment of the scheduler, and hooks.
TEST_CONNECTIONS = """
import json
from libra_provider.hooks import LibraHook, SparkMasterHook
for hook in LibraHook(), SparkMasterHook():
    print(json.dumps(hook.test_connection()))
"""


@dataclass(frozen=True, slots=True)
class Deployment:
    services: Mapping[str, Service]
    processes: Mapping[str, ManagedProcess]
    environments: Mapping[str, Mapping[str, str]]
    ports: Mapping[int, int]
    home: Path


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything in the file, started in the order of its ``depends_on``, and healthy."""
    with contextlib.ExitStack() as undo:
        yield with_free_ports(
            lambda ports: start(tmp_path_factory.mktemp("compose"), ports, undo), len(PORTS)
        )


def start(home: Path, free_ports: list[int], undo: contextlib.ExitStack) -> Deployment:
    ports = dict(zip(PORTS, free_ports, strict=True))
    services = services_on_this_machine(home, ports)
    environments = {name: environment_of(each, home) for name, each in services.items()}
    needs = {name: each.needs for name, each in services.items()}
    started: dict[str, ManagedProcess] = {}
    with contextlib.ExitStack() as end:
        end.callback(lambda: stop_all(started.values()))
        for name in TopologicalSorter(needs).static_order():
            for other in services[name].needs:
                started[other].wait_until_ready(within=PATIENCE)
            started[name] = process_of(services[name], environments[name], home)
            begin(started[name], ends=not services[name].healthcheck)
        for process in started.values():
            process.wait_until_ready(within=PATIENCE)
        undo.push(end.pop_all())
    return Deployment(services, started, environments, ports, home)


def services_on_this_machine(home: Path, ports: Mapping[int, int]) -> dict[str, Service]:
    folders = {
        "/opt/spark": spark_home(),
        "/opt/spark/work-dir": home / "master",
        "/etc/spark-master.conf": home / "spark-master.conf",
        "/opt/airflow": home / "airflow",
        "/var/lib/spark": home / "workers",
        "/var/lib/libra": home / "libra",
        "/data": home / "data",
    }
    for folder in ("master", "airflow/dags", "workers", "libra", "data"):
        (home / folder).mkdir(parents=True)
    text = FILE.read_text()
    variables = {
        name: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        for name in variables_in(text)
    }
    services = read(moved(text, ports=ports, folders=folders), variables)
    for service in services.values():
        for path, content in service.files.items():
            path.write_text(content)
    return {
        name: replace(each, needs=[other for other in each.needs if other != NOT_STARTED])
        for name, each in services.items()
        if name != NOT_STARTED
    }


def environment_of(service: Service, home: Path) -> dict[str, str]:
    """The service's own, and what its image and its network would add."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    image = {
        "HOME": str(home),
        "AIRFLOW_HOME": str(home / "airflow"),
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": str(spark_home()),
        # A container listens on all its addresses; this machine must not.
        "SPARK_LOCAL_IP": LOOPBACK,
        # It lives for a minute: start fast.
        "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }
    own = dict(service.environment)
    if "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" in own:
        own["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow/airflow.db"
    return kept | image | own


def process_of(service: Service, environment: Mapping[str, str], home: Path) -> ManagedProcess:
    return ManagedProcess(
        installed(service.command),
        name=service.name,
        log_file=home / "logs" / f"{service.name}.log",
        ready=partial(is_healthy, service, environment),
        env=environment,
        cwd=home,
    )


def begin(process: ManagedProcess, *, ends: bool) -> None:
    if ends:
        process.run_to_end()
    else:
        process.launch()


def installed(words: list[str]) -> list[str]:
    """The command with the program of this environment, which need not be on the PATH."""
    here = Path(sys.executable).parent
    return [str(here / words[0]) if words[0] in PROGRAMS else words[0], *words[1:]]


def is_healthy(service: Service, environment: Mapping[str, str]) -> bool:
    """What the service's own check says; what has none was run to its end."""
    if not service.healthcheck:
        return True
    check = subprocess.run(
        installed(service.healthcheck), env=environment, capture_output=True, check=False
    )
    if check.returncode != 0:
        time.sleep(BETWEEN_CHECKS)
    return check.returncode == 0


def test_every_service_runs_and_passes_its_own_health_check(deployment: Deployment) -> None:
    running = {name for name, process in deployment.processes.items() if process.is_alive}

    assert running == deployment.services.keys() - {"airflow-init"}
    for name in running:
        assert deployment.services[name].healthcheck, name


def test_the_connections_in_the_file_open_libra_and_the_master(deployment: Deployment) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", TEST_CONNECTIONS],
        env=deployment.environments["airflow-scheduler"],
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith("[")]

    assert [works for works, _ in answers] == [True, True], answers


def test_admin_logs_in_with_the_password_of_the_env_file(deployment: Deployment) -> None:
    """The password reaches Airflow as a file, which Airflow itself opens for writing."""
    [passwords] = deployment.services["airflow-api-server"].files.values()
    url = f"http://{LOOPBACK}:{deployment.ports[8080]}"
    airflow = AirflowApi(url, user="admin", password=json.loads(passwords)["admin"])

    with pytest.raises(Rejected, match="HTTP 404"):  # anything but AccessDenied
        airflow.unpause("no_such_dag")


def test_without_the_token_libra_takes_no_statement(deployment: Deployment) -> None:
    answer = fetch(f"http://{LOOPBACK}:{deployment.ports[8990]}/api/v1/statements/any")

    assert answer is not None
    assert answer[0] == 401


def test_the_workers_have_registered_with_all_they_offer(deployment: Deployment) -> None:
    page = fetch_json(f"http://{LOOPBACK}:{deployment.ports[8081]}/json/", timeout=60)

    assert [(each["cores"], each["memory"]) for each in page["workers"]] == [(4, 4096)] * 2


def test_the_master_keeps_its_state_in_its_volume(deployment: Deployment) -> None:
    kept = [path.name for path in (deployment.home / "master" / "recovery").iterdir()]

    assert sum(name.startswith("worker_") for name in kept) == 2
    assert sum(name.startswith("app_") for name in kept) == 1
