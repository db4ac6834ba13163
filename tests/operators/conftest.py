"""Fakes on real ports, and the connections that lead to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.connections import connected_libra, connected_master
from tests.fakes.libra import FakeLibra
from tests.fakes.spark_master import FakeMaster
from tests.fakes.task_runner import TaskRunner


@pytest.fixture
def runner() -> TaskRunner:
    return TaskRunner()


@pytest.fixture
def libra() -> Iterator[FakeLibra]:
    with connected_libra() as fake:
        yield fake


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    with connected_master() as fake:
        yield fake
