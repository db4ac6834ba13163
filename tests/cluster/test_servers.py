"""Libra and Airflow as processes of this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from libra_provider.cluster.airflow import LocalAirflow
from libra_provider.cluster.http_probe import fetch, fetch_json
from libra_provider.cluster.libra import LocalLibra
from libra_provider.core.errors import JobGivenUp, ServerUnreachable
from tests.airflow.morning import eventually


def test_libra_is_ready_and_asks_for_its_token(libra: LocalLibra) -> None:
    paths = ("/readyz", "/api/v1/statements")
    answers = [fetch(f"{libra.url}{path}") for path in paths]

    assert [answer[0] for answer in answers if answer] == [200, 401]
    assert libra.connection()["password"] == libra.token


def test_a_libra_without_a_master_says_why_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachable) as failure:
        LocalLibra("mesos://127.0.0.1:5050", data_dir=tmp_path).start()

    assert "Libra: it ended with exit code" in str(failure.value)
    assert "mesos://127.0.0.1:5050" in str(failure.value)


def test_every_component_of_airflow_is_healthy(airflow: LocalAirflow) -> None:
    def statuses() -> set[str]:
        health = fetch_json(f"{airflow.url}/api/v2/monitor/health")
        return {part["status"] for part in health.values()}

    ended = {
        name: each.log_tail() for name, each in airflow.components.items() if not each.is_alive
    }

    assert ended == {}
    # One whose last sign of life is older than its limit is unhealthy, until the next one.
    assert eventually(lambda: statuses() == {"healthy"})
    assert set(airflow.components) == {"api-server", "scheduler", "dag-processor", "triggerer"}


def test_the_password_of_airflow_is_for_its_owner_only(airflow: LocalAirflow) -> None:
    mode = (airflow.home / "passwords.json").stat().st_mode

    assert stat.S_IMODE(mode) == 0o600


def test_the_example_is_parsed_and_an_unknown_dag_is_told(airflow: LocalAirflow) -> None:
    airflow.api.wait_for_dag("flights_etl")

    with pytest.raises(
        JobGivenUp, match="Stopped waiting for the Dag nowhere: Airflow has not parsed"
    ):
        airflow.api.wait_for_dag("nowhere", within=0)
