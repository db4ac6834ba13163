"""Airflow's connections to the fakes, in the environment: it is clean again after each test."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

from tests.fakes.libra import TOKEN, FakeLibra
from tests.fakes.spark_master import FakeMaster


def connect(name: str, **fields: object) -> None:
    """Make the connection *name*."""
    os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps({"host": "127.0.0.1", **fields})


@contextlib.contextmanager
def connected_libra() -> Iterator[FakeLibra]:
    """A Libra at the default connection."""
    with FakeLibra() as fake:
        connect("libra_default", conn_type="libra", port=fake.port, password=TOKEN)
        yield fake


@contextlib.contextmanager
def connected_master() -> Iterator[FakeMaster]:
    """A master at the default connection."""
    with FakeMaster() as fake:
        extra = {"rest_urls": fake.url, "ui_urls": fake.url}
        connect("spark_master_default", conn_type="spark_master", port=7077, extra=extra)
        yield fake
