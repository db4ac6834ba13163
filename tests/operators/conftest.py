"""Fakes on real ports, and the connections that lead to them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner


@pytest.fixture
def runner() -> TaskRunner:
    return TaskRunner()


@pytest.fixture
def libra() -> Iterator[FakeLibra]:
    with FakeLibra() as fake:
        connect("libra_default", conn_type="libra", port=fake.port, password=TOKEN)
        yield fake


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with FakeMaster() as fake:
        extra = {"rest_urls": fake.url, "ui_urls": fake.url}
        connect("spark_master_default", conn_type="spark_master", port=7077, extra=extra)
        yield fake


def connect(name: str, **fields: object) -> None:
    """Make the connection *name*; the environment is clean again after the test."""
    os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps({"host": "127.0.0.1", **fields})
